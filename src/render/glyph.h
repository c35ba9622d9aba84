// The marks of samples: which shape a group has, and how one is drawn. The shapes are those of the page
// (web/src/renderer/points.ts).
#pragma once

#include <cairo.h>

#include <optional>
#include <string>

#include "landscape/palette.h"
#include "render/theme.h"

namespace dvi {

enum class Shape { disc, square, diamond, triangle, open_ring };

struct RoleGlyph {
  Shape shape;
  int rank;  ///< groups of higher rank are drawn on top
};
RoleGlyph role_glyph(const std::string& role);

/// One sample's mark.
struct Glyph {
  Shape shape = Shape::disc;
  double diameter = 4;
  Rgb fill;
  std::optional<Rgb> ring;
  double alpha = 1;
};

/// `unit` is the length of a pixel of the page, by which thin lines are measured.
void draw_glyph(cairo_t*, const Glyph&, double x, double y, const Theme&, double unit);
/// The same larger, with a line in ink and one in paper around it, so that it shows on any ground.
void draw_highlighted_glyph(cairo_t*, Glyph, double x, double y, const Theme&, double unit);
/// A boundary sample: a diamond in the colours of the two classes it lies between.
void draw_boundary_glyph(cairo_t*, Rgb left, Rgb right, double x, double y, double diameter, const Theme&,
                         double unit);

}  // namespace dvi
