#include "render/sample_colors.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "render/theme.h"

namespace dvi {
namespace {

constexpr Rgb no_value{140, 140, 140};
/// Wrong, right, no label: apart for colour-blind eyes, and wrong is the loud one.
constexpr Rgb wrong{213, 94, 0}, right{86, 146, 190}, unlabelled = no_value;
constexpr int every_epoch = -1;

std::vector<ColorKey::Entry> entries_of(const std::vector<std::string>& names,
                                        const std::vector<Rgb>& colors) {
  std::vector<ColorKey::Entry> entries;
  for (size_t i = 0; i < names.size(); ++i) entries.push_back({names[i], colors[i]});
  return entries;
}

Rgb ramp_color(float share, bool dark) {
  const auto& ramp = value_ramp(dark);
  return ramp[static_cast<size_t>(std::lround(std::clamp(share, 0.f, 1.f) * 255))];
}

}  // namespace

SampleColoring::SampleColoring(const Run& run, const View& view, const std::string& by, bool dark,
                               const std::vector<int>& epochs)
    : run_(run), view_(view), by_(by), dark_(dark) {
  const Manifest& manifest = run.manifest();
  palette_ = class_palette(manifest.class_count());
  key_.title = by;
  if (by == "label" || by == "prediction") {
    key_.entries = entries_of(manifest.classes, palette_);
    key_.ring = by == "label" ? "ring: the prediction" : "ring: the label";
  } else if (by == "correct") {
    key_.title = "prediction";
    key_.entries = {{"wrong", wrong}, {"right", right}};
    if (std::any_of(run.labels().begin(), run.labels().end(), [](int32_t label) { return label < 0; }))
      key_.entries.push_back({"no label", unlabelled});
  } else if (by == "confidence" || by == "margin" || by == "kept") {
    key_.ramp = true;
    key_.low = "0";
    key_.high = by == "kept" ? "15" : "1";
    if (by == "kept") key_.title = "neighbours kept";
  } else if (by == "group") {
    std::vector<std::string> names;
    for (const Group& group : manifest.groups) names.push_back(group.name);
    palette_ = class_palette(static_cast<int>(names.size()));
    key_.entries = entries_of(names, palette_);
  } else {
    read_column(epochs);
  }
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
    std::string known = "label, prediction, correct, confidence, margin, kept, group";
    auto columns = names;
    for (const int epoch : epochs)
      for (const auto& name : run_.epoch(epoch).column_names()) columns.push_back(name);
    std::sort(columns.begin(), columns.end());
    columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
    for (const auto& name : columns) known += ", " + name;
    fail("--color: expected one of {}, found \"{}\"", known, by_);
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
  return index >= 0 && index < static_cast<long>(palette_.size()) ? palette_[static_cast<size_t>(index)]
                                                                  : no_value;
}

SampleColors SampleColoring::at(int number) const {
  const auto epoch = view_.epoch(number);
  const auto& labels = run_.labels();
  const auto predictions = epoch->predictions();
  SampleColors colors;
  colors.fill.resize(labels.size());
  colors.ring.resize(labels.size());
  const auto each = [&](const auto& color) {
    for (size_t i = 0; i < labels.size(); ++i) colors.fill[i] = color(i);
  };
  const auto prediction_color = [&](size_t i) { return palette_[static_cast<size_t>(predictions[i])]; };
  const auto label_color = [&](size_t i) {
    return labels[i] < 0 ? prediction_color(i) : palette_[static_cast<size_t>(labels[i])];
  };
  if (by_ == "label" || by_ == "prediction") {
    const bool label = by_ == "label";
    for (size_t i = 0; i < labels.size(); ++i) {
      colors.fill[i] = label ? label_color(i) : prediction_color(i);
      if (labels[i] >= 0 && labels[i] != predictions[i])
        colors.ring[i] = label ? prediction_color(i) : label_color(i);
    }
  } else if (by_ == "correct") {
    each([&](size_t i) { return labels[i] < 0 ? unlabelled : labels[i] == predictions[i] ? right : wrong; });
  } else if (by_ == "confidence") {
    each([&](size_t i) { return ramp_color(epoch->confidence()[i], dark_); });
  } else if (by_ == "margin") {
    each([&](size_t i) { return ramp_color(epoch->margin()[i], dark_); });
  } else if (by_ == "kept") {
    each([&](size_t i) { return ramp_color(static_cast<float>(epoch->neighbors_kept()[i]) / 15, dark_); });
  } else if (by_ == "group") {
    const auto& groups = run_.manifest().groups;
    for (size_t g = 0; g < groups.size(); ++g)
      std::fill(colors.fill.begin() + groups[g].begin, colors.fill.begin() + groups[g].end(), palette_[g]);
  } else {
    auto found = columns_.find(every_epoch);
    if (found == columns_.end()) found = columns_.find(number);
    if (found == columns_.end())
      std::fill(colors.fill.begin(), colors.fill.end(), no_value);
    else
      each([&](size_t i) { return column_color(found->second[i]); });
  }
  return colors;
}

}  // namespace dvi
