#include "render/sample_colors.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "render/theme.h"

namespace dvi {
namespace {

constexpr Rgb no_value{140, 140, 140};
/// Wrong, right, no label: apart for colour-blind eyes, and wrong is the loud one.
constexpr Rgb wrong{200, 75, 0}, right{137, 184, 216}, unlabelled = no_value;
constexpr int every_epoch = -1;

std::vector<ColorKey::Entry> entries_of(const std::vector<std::string>& names,
                                        const std::vector<Rgb>& colors) {
  std::vector<ColorKey::Entry> entries;
  for (size_t i = 0; i < names.size(); ++i) entries.push_back({names[i], colors[i]});
  return entries;
}

Rgb ramp_color(float share, bool dark) {
  const auto& ramp = value_ramp(dark);
  return ramp[std::lround(std::clamp(share, 0.f, 1.f) * 255)];
}

}  // namespace

/// A line of the table of ways: how the colours read, and what they are at an epoch.
struct ColoringWay {
  const char* name;
  void (*describe)(SampleColoring&);
  void (*color)(const SampleColoring&, const ViewEpoch&, SampleColors&);
};

/// The ways themselves. Another one is two functions and a line of `all`.
struct ColoringWays {
  static const std::vector<ColoringWay> all;

  static const ColoringWay* find(const std::string& name) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const ColoringWay& way) { return way.name == name; });
    return found == all.end() ? nullptr : &*found;
  }

  static void ramp_key(SampleColoring& c, std::string title, std::string high) {
    c.key_.title = std::move(title);
    c.key_.ramp = true;
    c.key_.low = "0";
    c.key_.high = std::move(high);
  }
  template <typename Values>
  static void on_ramp(const SampleColoring& c, const Values& values, float most, SampleColors& colors) {
    for (size_t i = 0; i < colors.fill.size(); ++i)
      colors.fill[i] = values.empty() ? no_value : ramp_color(static_cast<float>(values[i]) / most, c.dark_);
  }

  static void describe_label(SampleColoring& c) {
    c.key_.entries = entries_of(c.run_.manifest().classes, c.palette_);
    c.key_.ring = "ring: the prediction";
  }
  static void describe_prediction(SampleColoring& c) {
    c.key_.entries = entries_of(c.run_.manifest().classes, c.palette_);
    c.key_.ring = "ring: the label";
  }
  /// One of label and prediction fills, the other rings where it differs.
  template <bool label_fills>
  static void color_class(const SampleColoring& c, const ViewEpoch& epoch, SampleColors& colors) {
    const auto& labels = c.run_.labels();
    for (size_t i = 0; i < labels.size(); ++i) {
      const Rgb predicted = c.palette_[epoch.predictions()[i]];
      const Rgb labelled = labels[i] < 0 ? predicted : c.palette_[labels[i]];
      colors.fill[i] = label_fills ? labelled : predicted;
      if (labels[i] >= 0 && labels[i] != epoch.predictions()[i])
        colors.ring[i] = label_fills ? predicted : labelled;
    }
  }

  static void describe_correct(SampleColoring& c) {
    c.key_.title = "prediction";
    c.key_.entries = {{"wrong", wrong}, {"right", right}};
    const auto& labels = c.run_.labels();
    if (std::any_of(labels.begin(), labels.end(), [](int32_t label) { return label < 0; }))
      c.key_.entries.push_back({"no label", unlabelled});
  }
  static void color_correct(const SampleColoring& c, const ViewEpoch& epoch, SampleColors& colors) {
    const auto& labels = c.run_.labels();
    for (size_t i = 0; i < labels.size(); ++i)
      colors.fill[i] = labels[i] < 0 ? unlabelled : labels[i] == epoch.predictions()[i] ? right : wrong;
  }

  static void describe_group(SampleColoring& c) {
    std::vector<std::string> names;
    for (const Group& group : c.run_.manifest().groups) names.push_back(group.name);
    c.palette_ = class_palette(static_cast<int>(names.size()));
    c.key_.entries = entries_of(names, c.palette_);
  }
  static void color_group(const SampleColoring& c, const ViewEpoch&, SampleColors& colors) {
    const auto& groups = c.run_.manifest().groups;
    for (size_t g = 0; g < groups.size(); ++g)
      std::fill_n(colors.fill.begin() + groups[g].begin, groups[g].count, c.palette_[g]);
  }

  static void describe_trip(SampleColoring& c) {
    c.key_.title = "after the round trip";
    c.key_.entries = {{"changed", wrong}, {"kept", right}};
  }
  static void color_trip(const SampleColoring&, const ViewEpoch& epoch, SampleColors& colors) {
    for (size_t i = 0; i < colors.fill.size(); ++i)
      colors.fill[i] = epoch.round_trip()[i] == epoch.predictions()[i] ? right : wrong;
  }
};

const std::vector<ColoringWay> ColoringWays::all{
    {"label", describe_label, color_class<true>},
    {"prediction", describe_prediction, color_class<false>},
    {"correct", describe_correct, color_correct},
    {"confidence", [](SampleColoring& c) { ramp_key(c, "confidence", "1"); },
     [](const SampleColoring& c, const ViewEpoch& e, SampleColors& colors) {
       on_ramp(c, e.confidence(), 1, colors);
     }},
    {"margin", [](SampleColoring& c) { ramp_key(c, "margin", "1"); },
     [](const SampleColoring& c, const ViewEpoch& e, SampleColors& colors) {
       on_ramp(c, e.margin(), 1, colors);
     }},
    {"group", describe_group, color_group},
    {"kept", [](SampleColoring& c) { ramp_key(c, "neighbours kept", "15"); },
     [](const SampleColoring& c, const ViewEpoch& e, SampleColors& colors) {
       on_ramp(c, e.neighbors_kept(), 15, colors);
     }},
    {"trip", describe_trip, color_trip},
    {"moved", [](SampleColoring& c) { ramp_key(c, "moved after the fit", "10 % of the picture"); },
     [](const SampleColoring& c, const ViewEpoch& e, SampleColors& colors) {
       on_ramp(c, e.moved(), 0.1f, colors);
     }},
};

std::vector<std::string> SampleColoring::ways() {
  std::vector<std::string> names;
  for (const ColoringWay& way : ColoringWays::all) names.emplace_back(way.name);
  return names;
}

SampleColoring::SampleColoring(const Run& run, const View& view, const std::string& by, bool dark,
                               const std::vector<int>& epochs)
    : run_(run), view_(view), by_(by), dark_(dark), palette_(class_palette(run.manifest().class_count())) {
  key_.title = by;
  if (const ColoringWay* way = ColoringWays::find(by))
    way->describe(*this);
  else
    read_column(epochs);
}

void SampleColoring::read_column(const std::vector<int>& epochs) {
  const auto names = run_.column_names();
  if (std::find(names.begin(), names.end(), by_) != names.end()) {
    columns_[every_epoch] = run_.column(by_);
  } else {
    for (const int epoch : epochs)
      if (auto values = run_.epoch(epoch).column(by_)) columns_[epoch] = std::move(*values);
  }
  if (columns_.empty()) {
    auto columns = names;
    for (const int epoch : epochs)
      for (const auto& name : run_.epoch(epoch).column_names()) columns.push_back(name);
    std::sort(columns.begin(), columns.end());
    columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
    auto known = ways();
    known.insert(known.end(), columns.begin(), columns.end());
    fail("--color: expected one of {}, found \"{}\"", fmt::join(known, ", "), by_);
  }

  bool yes_no = true, any = false;
  for (const auto& [epoch, values] : columns_)
    for (const float v : values) {
      if (!std::isfinite(v)) continue;
      yes_no = yes_no && (v == 0 || v == 1);
      low_ = any ? std::min(low_, v) : v;
      high_ = any ? std::max(high_, v) : v;
      any = true;
    }
  const Json& shown = run_.manifest().columns;
  const Json about = shown.is_object() && shown.contains(by_) ? shown[by_] : Json::object();
  if (about.contains("title") && about["title"].is_string()) key_.title = about["title"];
  std::vector<std::string> categories;
  if (about.contains("categories") && about["categories"].is_array())
    for (const auto& name : about["categories"])
      categories.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  else if (yes_no)
    categories = {"no", "yes"};
  if (!categories.empty()) {
    palette_ = class_palette(static_cast<int>(categories.size()));
    key_.entries = entries_of(categories, palette_);
  } else {
    key_.ramp = true;
    key_.low = fmt::format("{:.3g}", low_);
    key_.high = fmt::format("{:.3g}", high_);
  }
}

Rgb SampleColoring::column_color(float value) const {
  if (!std::isfinite(value)) return no_value;
  if (key_.ramp) return ramp_color(high_ > low_ ? (value - low_) / (high_ - low_) : 0.f, dark_);
  const auto index = std::lround(value);
  return index >= 0 && index < static_cast<long>(palette_.size()) ? palette_[index] : no_value;
}

SampleColors SampleColoring::at(int number) const {
  const auto epoch = view_.epoch(number);
  SampleColors colors;
  colors.fill.assign(run_.labels().size(), no_value);
  colors.ring.resize(colors.fill.size());
  if (const ColoringWay* way = ColoringWays::find(by_)) {
    way->color(*this, *epoch, colors);
    return colors;
  }
  auto found = columns_.find(every_epoch);
  if (found == columns_.end()) found = columns_.find(number);
  if (found != columns_.end())
    for (size_t i = 0; i < colors.fill.size(); ++i) colors.fill[i] = column_color(found->second[i]);
  return colors;
}

}  // namespace dvi
