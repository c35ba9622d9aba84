// What colour each sample has, and how the colours read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "landscape/palette.h"
#include "run/run.h"
#include "run/view.h"

namespace dvi {

/// The colours of all samples at one epoch, [N].
struct SampleColors {
  std::vector<Rgb> fill;
  std::vector<std::optional<Rgb>> ring;  ///< around samples whose prediction is not their label
};

/// Either entries or a ramp from `low` to `high`.
struct ColorKey {
  struct Entry {
    std::string name;
    Rgb color;
  };
  std::string title;
  std::vector<Entry> entries;
  bool ramp = false;
  std::string low, high;
  std::string ring;  ///< what a ring tells, or ""
};

/// One way to colour samples: one of ways(), or the name of a column of the run. Those that the page has too
/// (web/src/colorings) have the same names there.
class SampleColoring {
 public:
  /// "label", "prediction", ... : those that every run has.
  static std::vector<std::string> ways();
  /// `epochs` are those that will be drawn, so that a column's scale is the same for all. `run` and `view`
  /// must outlive it. Throws Error for any other word, listing those there are.
  SampleColoring(const Run& run, const View& view, const std::string& by, bool dark,
                 const std::vector<int>& epochs);
  SampleColors at(int epoch) const;
  const ColorKey& key() const { return key_; }

 private:
  friend struct ColoringWays;
  void read_column(const std::vector<int>& epochs);
  Rgb column_color(float value) const;
  const Run& run_;
  const View& view_;
  std::string by_;
  bool dark_;
  std::vector<Rgb> palette_;
  ColorKey key_;
  std::map<int, std::vector<float>> columns_;  // by epoch; -1 where all epochs share one
  float low_ = 0, high_ = 1;
};

}  // namespace dvi
