#include "render/canvas.h"

#include "core/error.h"

namespace dvi {
namespace {

void choose(cairo_t* cairo, const Font& font) {
  cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         font.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo, font.size);
}

}  // namespace

CairoSurface make_picture(int width, int height) {
  CairoSurface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
  if (const auto status = cairo_surface_status(surface.get()); status != CAIRO_STATUS_SUCCESS)
    fail("a picture of {} x {} pixels cannot be made: {}; ask for a smaller one", width, height,
         cairo_status_to_string(status));
  return surface;
}

void set_color(cairo_t* cairo, Rgb color, double alpha) {
  cairo_set_source_rgba(cairo, color.r / 255.0, color.g / 255.0, color.b / 255.0, alpha);
}

void fill_box(cairo_t* cairo, const Box& box, Rgb color, double alpha) {
  set_color(cairo, color, alpha);
  cairo_rectangle(cairo, box.x, box.y, box.width, box.height);
  cairo_fill(cairo);
}

double text_width(cairo_t* cairo, const std::string& text, const Font& font) {
  choose(cairo, font);
  cairo_text_extents_t extents;
  cairo_text_extents(cairo, text.c_str(), &extents);
  return extents.x_advance;
}

void draw_text(cairo_t* cairo, const std::string& text, double x, double y, const Font& font, Rgb color) {
  choose(cairo, font);
  set_color(cairo, color);
  cairo_move_to(cairo, x, y + font.size * 0.36);  // half the height of capitals
  cairo_show_text(cairo, text.c_str());
}

void draw_outlined_text(cairo_t* cairo, const std::string& text, double x, double y, const Font& font,
                        Rgb ink, Rgb edge, double opacity) {
  choose(cairo, font);
  cairo_move_to(cairo, x, y + font.size * 0.36);
  cairo_text_path(cairo, text.c_str());
  set_color(cairo, edge, 0.85 * opacity);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_width(cairo, font.size * 0.34);
  cairo_stroke_preserve(cairo);
  set_color(cairo, ink, opacity);
  cairo_fill(cairo);
}

std::string shortened(cairo_t* cairo, const std::string& text, double width, const Font& font) {
  if (text_width(cairo, text, font) <= width) return text;
  std::string cut = text;
  while (!cut.empty()) {
    // A UTF-8 character goes as a whole.
    while (!cut.empty() && (cut.back() & 0xC0) == 0x80) cut.pop_back();
    if (!cut.empty()) cut.pop_back();
    if (text_width(cairo, cut + "…", font) <= width) break;
  }
  return cut + "…";
}

}  // namespace dvi
