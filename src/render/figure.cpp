#include "render/figure.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/error.h"
#include "landscape/fade.h"
#include "query/query.h"

namespace dvi {
namespace {

using Places = std::vector<std::pair<double, double>>;

/// Colours and territories of so many epochs are kept; a film needs two at a time.
constexpr size_t most_looks = 3;
constexpr double pale = 0.22;

/// A step near 0.618 of `count` that visits every index once: no class lies above another only because it was
/// stored later.
int64_t shuffling_step(int64_t count) {
  if (count <= 2) return 1;
  auto step = std::max<int64_t>(1, std::lround(static_cast<double>(count) * 0.6180339887));
  while (std::gcd(count, step) != 1) ++step;
  return step % count;
}

/// Points cover about a sixth of the plot, within limits.
double point_diameter(size_t count, double side, double unit) {
  const double even = std::sqrt(side * side * 0.16 / static_cast<double>(std::max<size_t>(count, 1)));
  return std::clamp(even, 1.6 * unit, 9 * unit);
}

std::string epoch_text(const std::vector<int>& epochs, double time) {
  const auto i = static_cast<size_t>(time);
  const double part = time - static_cast<double>(i);
  if (part == 0) return fmt::format("epoch {}", epochs[i]);
  return fmt::format("epoch {:.1f}", epochs[i] + part * (epochs[i + 1] - epochs[i]));
}

}  // namespace

Figure::~Figure() = default;

Figure::Figure(const Run& run, const View& view, std::vector<int> epochs, FigureOptions options)
    : run_(run),
      view_(view),
      epochs_(std::move(epochs)),
      options_(std::move(options)),
      theme_(theme(options_.dark)),
      title_(options_.title.value_or(run.manifest().name)),
      palette_(class_palette(run.manifest().class_count())),
      coloring_(run, view, options_.color, options_.dark, epochs_) {
  for (const int epoch : epochs_)
    if (!view.has_epoch(epoch))
      fail("--epoch: view \"{}\" has no fitted epoch {}; it has {}", view.name(), epoch,
           fmt::join(view.epoch_numbers(), ", "));
  if (options_.trails && options_.highlight.empty())
    fail("--trails: expected --highlight 'CONDITION' with it, which says whose paths to draw");
  choose_samples();
  if (!options_.highlight.empty()) find_highlighted();
  lay_out();
}

void Figure::choose_samples() {
  const auto& groups = run_.manifest().groups;
  for (const auto& name : options_.groups)
    if (std::none_of(groups.begin(), groups.end(), [&](const Group& group) { return group.name == name; })) {
      std::vector<std::string> names;
      for (const Group& group : groups) names.push_back(group.name);
      fail("--groups: expected names out of {}, found \"{}\"", fmt::join(names, ", "), name);
    }
  shapes_.resize(run_.manifest().sample_count());
  std::vector<Group> shown;
  for (const Group& group : groups) {
    std::fill(shapes_.begin() + group.begin, shapes_.begin() + group.end(), role_glyph(group.role).shape);
    if (options_.groups.empty() ||
        std::find(options_.groups.begin(), options_.groups.end(), group.name) != options_.groups.end())
      shown.push_back(group);
  }
  std::stable_sort(shown.begin(), shown.end(), [](const Group& a, const Group& b) {
    return role_glyph(a.role).rank < role_glyph(b.role).rank;
  });
  Legend::Marks marks;
  for (const Group& group : shown) {
    marks.groups.emplace_back(group.name, role_glyph(group.role).shape);
    const int64_t step = shuffling_step(group.count);
    for (int64_t i = 0, j = 0; i < group.count; ++i, j = (j + step) % group.count)
      order_.push_back(static_cast<int32_t>(group.begin + j));
  }
  marks.boundary = options_.boundary;
  marks.highlight = options_.highlight;
  legend_ = std::make_unique<Legend>(coloring_.key(), marks, theme_, options_.dark);
}

void Figure::find_highlighted() {
  const SampleTable table(run_, view_);
  const auto found = find_samples(table, options_.highlight, epochs_.back()).ids;
  const std::set<int32_t> fits(found.begin(), found.end());
  const auto first =
      std::stable_partition(order_.begin(), order_.end(), [&](int32_t id) { return fits.count(id) == 0; });
  highlighted_.assign(first, order_.end());
  order_.erase(first, order_.end());
}

void Figure::lay_out() {
  const int height = options_.height;
  unit_ = (options_.width == 0 ? height : std::min(options_.width, height)) / 900.0;
  const double margin = std::round(16 * unit_);
  const double header = title_.empty() ? 0 : std::round(std::max(30 * unit_, 14.0));
  double legend_width = 0;
  double side = height - 2 * margin - header;
  if (options_.legend) {
    // Text is as wide on any surface.
    const CairoSurface surface = make_picture(1, 1);
    const CairoContext cairo(cairo_create(surface.get()));
    legend_width = std::ceil(legend_->width(cairo.get(), side, unit_));
  }
  const double beside = options_.legend ? legend_width + margin : 0;
  if (options_.width > 0) side = std::min(side, options_.width - 2 * margin - beside);
  side = std::floor(side);
  if (side < 32)
    fail("--size: {} x {} leaves no room for the plot; ask for a larger picture or --no-legend",
         options_.width, height);
  width_ = options_.width > 0 ? options_.width : static_cast<int>(2 * margin + side + beside);
  const double left = std::floor((width_ - side - beside) / 2);
  const double top = std::floor((height - side - header) / 2) + header;
  plot_ = {left, top, side, side};
  legend_box_ = {left + side + margin, top, legend_width, side};
  diameter_ = point_diameter(order_.size() + highlighted_.size(), side, unit_);
}

std::pair<double, double> Figure::place(double x, double y) const {
  const auto& [x0, y0, x1, y1] = view_.extent();
  return {plot_.x + (x - x0) / (x1 - x0) * plot_.width, plot_.y + (y1 - y) / (y1 - y0) * plot_.height};
}

const Figure::EpochLook& Figure::look(int epoch, int territory_side) {
  const auto known = looks_.find(epoch);
  if (known != looks_.end() && (!known->second.territory || known->second.territory->side == territory_side))
    return known->second;
  // Time runs forward: the earliest epoch is not needed again.
  if (known == looks_.end() && looks_.size() >= most_looks) looks_.erase(looks_.begin());
  EpochLook made;
  made.colors = coloring_.at(epoch);
  if (const auto territory = view_.territory(epoch)) {
    const auto fitted = view_.epoch(epoch);
    const auto fade =
        ground_fade(fitted->positions(), extent_of(view_.extent()), static_cast<int>(territory->size));
    made.territory = territory_image(*territory, fade, palette_, theme_, territory_side);
    if (options_.names)
      made.anchors = name_anchors(territory->size, territory->classes.as<uint16_t>(),
                                  {view_.extent(), fitted->positions(), fitted->predictions()});
  }
  return looks_[epoch] = std::move(made);
}

void Figure::draw(cairo_t* cairo, double time, double image_scale) {
  const double last = static_cast<double>(epochs_.size() - 1);
  time = std::clamp(time, 0.0, last);
  const auto i = static_cast<size_t>(time), j = std::min(i + 1, epochs_.size() - 1);
  const double share = time - static_cast<double>(i);
  const int image_side = static_cast<int>(std::lround(plot_.width * image_scale));
  const EpochLook& a = look(epochs_[i], image_side);
  const EpochLook& b = share > 0 ? look(epochs_[j], image_side) : a;
  const SampleColors& colors = share < 0.5 ? a.colors : b.colors;
  const auto from = view_.epoch(epochs_[i]), to = view_.epoch(epochs_[share > 0 ? j : i]);

  Places places(shapes_.size());
  for (size_t id = 0; id < places.size(); ++id) {
    const auto at = [&](size_t axis) {
      const double p = from->positions()[2 * id + axis], q = to->positions()[2 * id + axis];
      return p + (q - p) * share;
    };
    places[id] = place(at(0), at(1));
  }

  fill_box(cairo, {0, 0, static_cast<double>(width_), static_cast<double>(options_.height)}, theme_.paper);
  draw_header(cairo, time);
  cairo_save(cairo);
  cairo_rectangle(cairo, plot_.x, plot_.y, plot_.width, plot_.height);
  cairo_clip(cairo);
  draw_territory(cairo, a, b, share, image_side);
  draw_samples(cairo, colors, places);
  if (options_.trails) draw_trails(cairo, colors, time);
  draw_highlighted(cairo, colors, places);
  if (options_.boundary) draw_boundary(cairo, share < 0.5 ? *from : *to);
  draw_names(cairo, share > 0 ? mix_anchors(a.anchors, b.anchors, share) : a.anchors);
  cairo_restore(cairo);
  if (options_.legend) legend_->draw(cairo, legend_box_, unit_);
}

void Figure::draw_header(cairo_t* cairo, double time) const {
  if (title_.empty()) return;
  const double size = std::max(15 * unit_, 8.0), y = plot_.y - std::max(15 * unit_, 8.0);
  const Font bold{size, true}, plain{size};
  const std::string epoch = epoch_text(epochs_, time);
  const double epoch_width = text_width(cairo, epoch, plain);
  draw_text(cairo, shortened(cairo, title_, plot_.width - epoch_width - 2 * size, bold), plot_.x, y, bold,
            theme_.ink);
  draw_text(cairo, epoch, plot_.x + plot_.width - epoch_width, y, plain, theme_.soft_ink);
}

void Figure::draw_territory(cairo_t* cairo, const EpochLook& a, const EpochLook& b, double share,
                            int side) const {
  if (!a.territory || !b.territory) return fill_box(cairo, plot_, theme_.landscape.ground);
  TerritoryImage mixed;
  if (share > 0) mixed = cross_fade(*a.territory, *b.territory, share * share * (3 - 2 * share));
  const TerritoryImage& image = share > 0 ? mixed : *a.territory;
  const CairoSurface surface = make_picture(side, side);
  cairo_surface_flush(surface.get());
  unsigned char* rows = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int y = 0; y < side; ++y) {
    auto* row = reinterpret_cast<uint32_t*>(rows + static_cast<ptrdiff_t>(y) * stride);
    for (int x = 0; x < side; ++x) {
      const Rgb p = image.pixels[static_cast<size_t>(y) * static_cast<size_t>(side) + static_cast<size_t>(x)];
      row[x] = 0xff000000u | static_cast<uint32_t>(p.r) << 16 | static_cast<uint32_t>(p.g) << 8 | p.b;
    }
  }
  cairo_surface_mark_dirty(surface.get());
  cairo_save(cairo);
  cairo_translate(cairo, plot_.x, plot_.y);
  cairo_scale(cairo, plot_.width / side, plot_.height / side);
  cairo_set_source_surface(cairo, surface.get(), 0, 0);
  cairo_pattern_set_extend(cairo_get_source(cairo), CAIRO_EXTEND_PAD);
  cairo_rectangle(cairo, 0, 0, side, side);
  cairo_fill(cairo);
  cairo_restore(cairo);
}

Glyph Figure::glyph_of(int32_t id, const SampleColors& colors) const {
  const auto i = static_cast<size_t>(id);
  Glyph glyph{shapes_[i], diameter_, colors.fill[i], colors.ring[i], 1};
  if (glyph.ring) glyph.diameter = std::max(diameter_ * 1.35, std::min(diameter_ + 2 * unit_, 5 * unit_));
  return glyph;
}

void Figure::draw_samples(cairo_t* cairo, const SampleColors& colors, const Places& places) const {
  for (const int32_t id : order_) {
    Glyph glyph = glyph_of(id, colors);
    if (!options_.highlight.empty()) {
      glyph.alpha = pale;
      glyph.ring.reset();
    }
    const auto [x, y] = places[id];
    draw_glyph(cairo, glyph, x, y, theme_, unit_);
  }
}

void Figure::draw_trails(cairo_t* cairo, const SampleColors& colors, double time) const {
  // Every fitted epoch up to now; the last stretch ends where the sample is between two epochs.
  const auto& all = view_.epoch_numbers();
  const auto i = static_cast<size_t>(time);
  const double share = time - static_cast<double>(i);
  std::vector<std::shared_ptr<const ViewEpoch>> past;
  for (const int epoch : all)
    if (epoch <= epochs_[i]) past.push_back(view_.epoch(epoch));
  const auto next = share > 0 ? view_.epoch(epochs_[i + 1]) : nullptr;
  const double strength =
      std::clamp(6.0 / static_cast<double>(std::max<size_t>(highlighted_.size(), 1)), 0.25, 0.9);
  const bool few = highlighted_.size() <= 30;
  cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  for (const int32_t id : highlighted_) {
    const auto k = static_cast<size_t>(id);
    Places path;
    for (const auto& epoch : past)
      path.push_back(place(epoch->positions()[2 * k], epoch->positions()[2 * k + 1]));
    if (next) {
      const auto [x, y] = place(next->positions()[2 * k], next->positions()[2 * k + 1]);
      const auto [x0, y0] = path.back();
      path.emplace_back(x0 + (x - x0) * share, y0 + (y - y0) * share);
    }
    if (few) {  // a light edge lifts a single path off the territory of its own colour
      cairo_move_to(cairo, path.front().first, path.front().second);
      for (const auto& [x, y] : path) cairo_line_to(cairo, x, y);
      set_color(cairo, theme_.paper, 0.7);
      cairo_set_line_width(cairo, 4.6 * unit_);
      cairo_stroke(cairo);
    }
    for (size_t s = 0; s + 1 < path.size(); ++s) {  // thin and faint in the past, wider towards now
      const double age = static_cast<double>(s + 1) / static_cast<double>(path.size() - 1);
      set_color(cairo, mix(colors.fill[k], theme_.ink, 0.35), strength * (0.5 + 0.5 * age));
      cairo_set_line_width(cairo, (1 + 1.8 * age) * unit_);
      cairo_move_to(cairo, path[s].first, path[s].second);
      cairo_line_to(cairo, path[s + 1].first, path[s + 1].second);
      cairo_stroke(cairo);
    }
  }
}

void Figure::draw_highlighted(cairo_t* cairo, const SampleColors& colors, const Places& places) const {
  for (const int32_t id : highlighted_) {
    Glyph glyph = glyph_of(id, colors);
    glyph.diameter = std::max(glyph.diameter + 1.5 * unit_, 6 * unit_);
    const auto [x, y] = places[id];
    draw_highlighted_glyph(cairo, glyph, x, y, theme_, unit_);
  }
}

void Figure::draw_boundary(cairo_t* cairo, const ViewEpoch& epoch) const {
  const auto positions = epoch.boundary_positions();
  const auto classes = epoch.boundary_classes();
  for (size_t i = 0; i < static_cast<size_t>(epoch.boundary_count()); ++i) {
    const auto [x, y] = place(positions[2 * i], positions[2 * i + 1]);
    draw_boundary_glyph(cairo, palette_[classes[2 * i]], palette_[classes[2 * i + 1]], x, y,
                        std::max(diameter_, 5 * unit_), theme_, unit_);
  }
}

void Figure::draw_names(cairo_t* cairo, const std::vector<NameAnchor>& anchors) const {
  const Font font{std::max(12.5 * unit_, 7.5), true};
  const auto text = [&](int index) -> const std::string& { return run_.manifest().classes[index]; };
  std::vector<ClassName> names;
  for (const NameAnchor& a : anchors)
    names.push_back({a.class_index, a.x * plot_.width, (1 - a.y) * plot_.height,
                     text_width(cairo, text(a.class_index), font) + font.size, a.room * plot_.width,
                     a.opacity});
  for (const ClassName& name : place_names(names, plot_.width, plot_.height, 1.5 * font.size))
    draw_outlined_text(cairo, text(name.class_index), plot_.x + name.x - (name.width - font.size) / 2,
                       plot_.y + name.y, font, theme_.ink, theme_.landscape.ground, name.opacity);
}

}  // namespace dvi
