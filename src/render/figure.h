// A picture of a fitted run at a moment of its training, drawn on any Cairo surface.
#pragma once

#include <cairo.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "query/sample_table.h"
#include "render/canvas.h"
#include "render/class_names.h"
#include "render/glyph.h"
#include "render/legend.h"
#include "render/sample_colors.h"
#include "render/territory_image.h"

namespace dvi {

struct FigureOptions {
  /// Of the whole picture, in pixels. Width 0: as wide as the square plot and the legend need.
  int width = 0, height = 900;
  bool dark = false;
  std::string color = "label";        ///< see SampleColoring
  std::vector<std::string> groups{};  ///< drawn; empty: all
  /// Samples that fit this condition (query/query.h) are drawn larger, on top, and all others pale. It is
  /// evaluated at the last epoch of the figure, so that a film follows the same samples throughout.
  std::string highlight{};
  bool trails = false;    ///< paths of the highlighted samples from the view's first epoch on
  bool boundary = false;  ///< boundary samples
  bool legend = true;
  bool names = true;                   ///< of classes, on their territories where there is room
  std::optional<std::string> title{};  ///< absent: the run's name; "" leaves the line out, epoch included
};

/// Draws any moment of the epochs it was made for. Not thread-safe.
class Figure {
 public:
  /// `epochs`: fitted ones, ascending, at least one. `run` and `view` must outlive it. Throws Error for
  /// options that do not fit the run.
  Figure(const Run& run, const View& view, std::vector<int> epochs, FigureOptions options);
  ~Figure();

  int width() const { return width_; }
  int height() const { return options_.height; }
  const std::vector<int>& epochs() const { return epochs_; }
  const std::string& title() const { return title_; }
  size_t highlighted_count() const { return highlighted_.size(); }

  /// `time` is a place in epochs(): 1.5 lies half way between the second and the third. Positions move
  /// straight and territories cross-fade, as on the page; colours are those of the nearer epoch. The
  /// territory is drawn as one image of `image_scale` pixels to a unit of the picture: 1 for pixels, more for
  /// vector formats.
  void draw(cairo_t*, double time, double image_scale = 1);

  /// The square that shows the view's extent, in pixels from the top left.
  const Box& plot() const { return plot_; }
  /// Where a point of the plane is in the picture.
  std::pair<double, double> place(double x, double y) const;

 private:
  struct EpochLook {
    SampleColors colors;
    std::vector<NameAnchor> anchors;
    std::optional<TerritoryImage> territory;
  };
  const EpochLook& look(int epoch, int territory_side);
  void choose_samples();
  void find_highlighted();
  void lay_out();
  void draw_header(cairo_t*, double time) const;
  void draw_territory(cairo_t*, const EpochLook& a, const EpochLook& b, double share, int side) const;
  void draw_samples(cairo_t*, const SampleColors&,
                    const std::vector<std::pair<double, double>>& places) const;
  void draw_trails(cairo_t*, const SampleColors&, double time) const;
  void draw_highlighted(cairo_t*, const SampleColors&,
                        const std::vector<std::pair<double, double>>& places) const;
  void draw_boundary(cairo_t*, const ViewEpoch&) const;
  void draw_names(cairo_t*, const std::vector<NameAnchor>&) const;
  Glyph glyph_of(int32_t id, const SampleColors&) const;

  const Run& run_;
  const View& view_;
  std::vector<int> epochs_;
  FigureOptions options_;
  const Theme& theme_;
  std::string title_;
  std::vector<Rgb> palette_;
  SampleColoring coloring_;
  std::vector<int32_t> order_;  // shown samples, last on top
  std::vector<Shape> shapes_;   // [N]
  std::vector<int32_t> highlighted_;
  std::unique_ptr<Legend> legend_;
  int width_ = 0;
  double unit_ = 1;  // a pixel of a picture 900 high
  double diameter_ = 4;
  Box plot_, legend_box_;
  std::map<int, EpochLook> looks_;
};

}  // namespace dvi
