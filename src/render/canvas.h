// A thin layer over Cairo: owned surfaces, colours, text.
#pragma once

#include <cairo.h>

#include <memory>
#include <string>

#include "landscape/palette.h"

namespace dvi {

struct CairoDelete {
  void operator()(cairo_t* context) const { cairo_destroy(context); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
using CairoContext = std::unique_ptr<cairo_t, CairoDelete>;
using CairoSurface = std::unique_ptr<cairo_surface_t, CairoDelete>;

/// An opaque picture in memory. Throws Error if there is no memory for it.
CairoSurface make_picture(int width, int height);

void set_color(cairo_t*, Rgb, double alpha = 1);

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};
void fill_box(cairo_t*, const Box&, Rgb, double alpha = 1);

struct Font {
  double size;  ///< pixels
  bool bold = false;
};
double text_width(cairo_t*, const std::string&, const Font&);
/// `y` is the middle of the line of text.
void draw_text(cairo_t*, const std::string&, double x, double y, const Font&, Rgb);
/// The same with an edge around the letters, readable on any ground.
void draw_outlined_text(cairo_t*, const std::string&, double x, double y, const Font&, Rgb ink, Rgb edge,
                        double opacity);
/// `text`, or its beginning and an ellipsis, so that it is at most `width` wide.
std::string shortened(cairo_t*, const std::string& text, double width, const Font&);

}  // namespace dvi
