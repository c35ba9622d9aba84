#include "render/legend.h"

#include <algorithm>
#include <cmath>

namespace dvi {
namespace {

constexpr size_t most_columns = 3;
constexpr double widest_text = 17;  // font sizes

}  // namespace

Legend::Legend(const ColorKey& key, const Marks& marks, const Theme& theme, bool dark)
    : theme_(theme), dark_(dark) {
  using Kind = Row::Kind;
  colors_.push_back({Kind::heading, key.title});
  for (const auto& entry : key.entries) colors_.push_back({Kind::color, entry.name, entry.color});
  if (key.ramp) colors_.push_back({Kind::ramp, key.low, {}, key.high});
  const Rgb sample = mix(theme.paper, theme.ink, 0.45);
  if (!key.ring.empty()) marks_.push_back({Kind::ringed, key.ring, sample});
  if (marks.groups.size() > 1)
    for (const auto& [name, shape] : marks.groups) marks_.push_back({Kind::mark, name, sample, "", shape});
  if (marks.boundary) marks_.push_back({Kind::boundary, "boundary sample", sample});
  if (!marks.highlight.empty()) marks_.push_back({Kind::highlighted, marks.highlight, sample});
}

Legend::Columns Legend::columns(cairo_t* cairo, double height, double unit) const {
  Columns out;
  out.font = std::max(12.5 * unit, 7.5);
  out.line = out.font * 1.45;
  const auto most = static_cast<size_t>(std::max(3.0, std::floor(height / out.line)));
  std::vector<Row> tail = marks_;
  if (!tail.empty()) tail.insert(tail.begin(), {Row::Kind::gap, ""});
  if (tail.size() + 2 > most) tail.clear();
  // Colours first, down the columns; the marks stay together below the last of them.
  std::vector<Row> rows = colors_;
  const size_t room = most * most_columns - tail.size();
  if (rows.size() > room) {
    const size_t left_out = rows.size() - room + 1;
    rows.resize(room - 1);
    rows.push_back({Row::Kind::heading, fmt::format("and {} more", left_out)});
  }
  for (size_t at = 0; at < rows.size(); at += most)
    out.rows.emplace_back(rows.begin() + static_cast<std::ptrdiff_t>(at),
                          rows.begin() + static_cast<std::ptrdiff_t>(std::min(rows.size(), at + most)));
  if (out.rows.back().size() + tail.size() > most) {
    out.rows.emplace_back();
    if (!tail.empty()) tail.erase(tail.begin());
  }
  out.rows.back().insert(out.rows.back().end(), tail.begin(), tail.end());

  out.total = 0;
  for (const auto& column : out.rows) {
    double width = 0;
    for (const Row& row : column) {
      const bool heading = row.kind == Row::Kind::heading;
      double needed = std::min(text_width(cairo, row.text, {out.font, heading}), widest_text * out.font);
      if (row.kind == Row::Kind::ramp)
        needed = std::max(needed, 8 * out.font);
      else if (!heading && row.kind != Row::Kind::gap)
        needed += 1.6 * out.font;
      width = std::max(width, needed);
    }
    out.widths.push_back(std::ceil(width));
    out.total += out.widths.back() + (out.widths.size() > 1 ? out.font * 1.2 : 0);
  }
  return out;
}

double Legend::width(cairo_t* cairo, double height, double unit) const {
  return columns(cairo, height, unit).total;
}

void Legend::draw_row(cairo_t* cairo, const Row& row, double x, double y, double width, const Columns& layout,
                      double unit) const {
  const double font = layout.font, mark_x = x + font * 0.45;
  const auto text = [&](double from, bool bold, Rgb color) {
    draw_text(cairo, shortened(cairo, row.text, x + width - from, {font, bold}), from, y, {font, bold},
              color);
  };
  Glyph glyph{row.shape, font * 0.72, row.color, {}, 1};
  switch (row.kind) {
    case Row::Kind::gap:
      return;
    case Row::Kind::heading:
      return text(x, true, theme_.ink);
    case Row::Kind::color:
      fill_box(cairo, {x, y - font * 0.42, font * 0.84, font * 0.84}, row.color);
      break;
    case Row::Kind::ramp: {
      const auto& ramp = value_ramp(dark_);
      const double step = width / static_cast<double>(ramp.size());
      for (size_t i = 0; i < ramp.size(); ++i)  // each overlaps the next, so that no seam shows
        fill_box(cairo,
                 {x + static_cast<double>(i) * step, y - font * 0.4,
                  std::min(2 * step, width - static_cast<double>(i) * step), font * 0.8},
                 ramp[i]);
      const double below = y + layout.line;
      draw_text(cairo, row.text, x, below, {font}, theme_.ink);
      draw_text(cairo, row.high, x + width - text_width(cairo, row.high, {font}), below, {font}, theme_.ink);
      return;
    }
    case Row::Kind::mark:
      draw_glyph(cairo, glyph, mark_x, y, theme_, unit);
      break;
    case Row::Kind::ringed:
      glyph.ring = mix(theme_.ink, theme_.paper, 0.1);
      draw_glyph(cairo, glyph, mark_x, y, theme_, unit);
      break;
    case Row::Kind::boundary:
      draw_boundary_glyph(cairo, row.color, mix(theme_.ink, theme_.paper, 0.2), mark_x, y, font * 0.8, theme_,
                          unit);
      break;
    case Row::Kind::highlighted:
      glyph.diameter = font * 0.5;
      draw_highlighted_glyph(cairo, glyph, mark_x, y, theme_, unit);
      break;
  }
  text(x + 1.6 * font, false, theme_.ink);
}

void Legend::draw(cairo_t* cairo, const Box& box, double unit) const {
  const Columns layout = columns(cairo, box.height, unit);
  double x = box.x;
  for (size_t c = 0; c < layout.rows.size(); ++c) {
    double y = box.y + layout.line / 2;
    for (const Row& row : layout.rows[c]) {
      draw_row(cairo, row, x, y, layout.widths[c], layout, unit);
      y += row.kind == Row::Kind::ramp ? 2 * layout.line : layout.line;
    }
    x += layout.widths[c] + layout.font * 1.2;
  }
}

}  // namespace dvi
