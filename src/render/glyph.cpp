#include "render/glyph.h"

#include <algorithm>
#include <map>
#include <numbers>

#include "render/canvas.h"

namespace dvi {
namespace {

/// Fills the shape of this radius, `grown` beyond its edge.
void fill_shape(cairo_t* cairo, Shape shape, double x, double y, double radius, double grown, Rgb color,
                double alpha) {
  set_color(cairo, color, alpha);
  switch (shape) {
    case Shape::disc:
    case Shape::open_ring:
      if (radius + grown <= 0) return;
      // A dot of a round pen: far shorter in SVG and PDF than four curves.
      cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
      cairo_set_line_width(cairo, 2 * (radius + grown));
      cairo_move_to(cairo, x, y);
      cairo_close_path(cairo);
      cairo_stroke(cairo);
      return;
    case Shape::square: {
      const double reach = radius * 0.86 + grown;
      if (reach <= 0) return;
      cairo_rectangle(cairo, x - reach, y - reach, 2 * reach, 2 * reach);
      break;
    }
    case Shape::diamond: {
      const double reach = radius * 1.2 + grown * std::numbers::sqrt2;
      if (reach <= 0) return;
      cairo_move_to(cairo, x, y - reach);
      cairo_line_to(cairo, x + reach, y);
      cairo_line_to(cairo, x, y + reach);
      cairo_line_to(cairo, x - reach, y);
      break;
    }
    case Shape::triangle: {
      const double inner = radius * 0.62 + grown;  // of the inscribed circle
      if (inner <= 0) return;
      cairo_move_to(cairo, x, y - 2 * inner);
      cairo_line_to(cairo, x + std::numbers::sqrt3 * inner, y + inner);
      cairo_line_to(cairo, x - std::numbers::sqrt3 * inner, y + inner);
      break;
    }
  }
  cairo_close_path(cairo);
  cairo_fill(cairo);
}

}  // namespace

RoleGlyph role_glyph(const std::string& role) {
  static const std::map<std::string, RoleGlyph> glyphs{{"unlabelled", {Shape::open_ring, 0}},
                                                       {"train", {Shape::disc, 1}},
                                                       {"test", {Shape::square, 2}},
                                                       {"adversarial", {Shape::triangle, 4}}};
  const auto found = glyphs.find(role);
  return found == glyphs.end() ? RoleGlyph{Shape::diamond, 3} : found->second;
}

void draw_glyph(cairo_t* cairo, const Glyph& glyph, double x, double y, const Theme& theme, double unit) {
  const double radius = glyph.diameter / 2;
  if (glyph.shape == Shape::open_ring && glyph.diameter > 3 * unit) {
    set_color(cairo, glyph.fill, glyph.alpha);
    cairo_set_line_width(cairo, radius * 0.45);
    cairo_new_sub_path(cairo);
    cairo_arc(cairo, x, y, radius * 0.775, 0, 2 * std::numbers::pi);
    cairo_stroke(cairo);
    return;
  }
  if (glyph.ring) {
    const double rim = std::max(glyph.diameter * 0.17, unit);
    fill_shape(cairo, glyph.shape, x, y, radius, 0, *glyph.ring, glyph.alpha);
    fill_shape(cairo, glyph.shape, x, y, radius, -rim, glyph.fill, glyph.alpha);
  } else if (glyph.diameter >= 3.5 * unit && glyph.alpha == 1) {
    fill_shape(cairo, glyph.shape, x, y, radius, 0, mix(glyph.fill, theme.outline, theme.outline_share), 1);
    fill_shape(cairo, glyph.shape, x, y, radius, -0.65 * unit, glyph.fill, 1);
  } else {
    fill_shape(cairo, glyph.shape, x, y, radius, 0, glyph.fill, glyph.alpha);
  }
}

void draw_highlighted_glyph(cairo_t* cairo, Glyph glyph, double x, double y, const Theme& theme,
                            double unit) {
  glyph.alpha = 1;
  const Shape shape = glyph.shape == Shape::open_ring ? Shape::disc : glyph.shape;
  fill_shape(cairo, shape, x, y, glyph.diameter / 2, 2.6 * unit, theme.paper, 0.75);
  fill_shape(cairo, shape, x, y, glyph.diameter / 2, 1.5 * unit, theme.ink, 1);
  glyph.shape = shape;
  draw_glyph(cairo, glyph, x, y, theme, unit);
}

void draw_boundary_glyph(cairo_t* cairo, Rgb left, Rgb right, double x, double y, double diameter,
                         const Theme& theme, double unit) {
  const double r = diameter / 2;
  fill_shape(cairo, Shape::diamond, x, y, r / 1.2, 0.8 * unit, theme.ink, 0.6);
  for (const double side : {-1.0, 1.0}) {
    set_color(cairo, side < 0 ? left : right);
    cairo_move_to(cairo, x, y - r);
    cairo_line_to(cairo, x + side * r, y);
    cairo_line_to(cairo, x, y + r);
    cairo_close_path(cairo);
    cairo_fill(cairo);
  }
}

}  // namespace dvi
