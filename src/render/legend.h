// The column beside the plot that tells what colours and marks mean.
#pragma once

#include <cairo.h>

#include <optional>
#include <string>
#include <vector>

#include "render/canvas.h"
#include "render/glyph.h"
#include "render/sample_colors.h"

namespace dvi {

class Legend {
 public:
  struct Marks {
    std::vector<std::pair<std::string, Shape>> groups;  ///< named only if more than one
    bool boundary = false;
    std::string highlight;  ///< what is highlighted, or ""
  };
  /// `theme` must outlive it.
  Legend(const ColorKey& key, const Marks& marks, const Theme& theme, bool dark);
  /// The width that all text needs at this height. Entries that do not fit three columns are counted only.
  double width(cairo_t*, double height, double unit) const;
  void draw(cairo_t*, const Box& box, double unit) const;

 private:
  struct Row {
    enum class Kind { heading, color, ramp, mark, ringed, boundary, highlighted, gap } kind;
    std::string text;
    Rgb color{};
    std::string high{};  ///< of a ramp; its low end is `text`
    Shape shape = Shape::disc;
  };
  struct Columns {
    std::vector<std::vector<Row>> rows;
    std::vector<double> widths;
    double font, line, total;
  };
  Columns columns(cairo_t*, double height, double unit) const;
  void draw_row(cairo_t*, const Row&, double x, double y, double width, const Columns&, double unit) const;
  const Theme& theme_;
  bool dark_;
  std::vector<Row> colors_, marks_;
};

}  // namespace dvi
