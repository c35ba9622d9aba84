// The features of all that networks learn from, in training units (vis/feature_units.h). They are most of
// what a fit of many samples holds, so each rank of a job (comm/comm.h) has those of its own samples, and a
// rank that trains asks for those of the steps to come.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/comm.h"
#include "core/matrix.h"
#include "vis/feature_units.h"

namespace dvi {

class TrainingFeatures {
 public:
  /// So many times all ranks come together while a network is trained.
  static constexpr int64_t parts = 64;

  /// Of `samples` [n, D], of which each rank converts its owned_rows() (comm/shared_for.h), and of m rows
  /// behind them, of which `more` [.., D] are this rank's passed_rows().
  TrainingFeatures(const FeatureUnits&, MatrixView samples, MatrixView more, int64_t m);
  int64_t rows() const { return samples_ + more_; }   ///< n + m
  int64_t dimensions() const { return own_.cols(); }  ///< r

  /// The features [rows.size(), r] of any rows. The ranks that made this call it together, each for what it
  /// wants; also inside Alone.
  Matrix of(std::span<const int32_t> rows) const;
  /// For the ranks that want none: answers to the others while these train a network each.
  void serve() const {
    for (int64_t part = 0; part < parts; ++part) of({});
  }

 private:
  /// Which rank has a row, and which row of its own_ that is.
  struct Place {
    int rank;
    int32_t row;
  };
  Place place_of(int32_t row) const;

  Comm& job_;
  int64_t samples_, more_;
  Matrix own_;                                    // samples, then more
  std::vector<int64_t> sample_ends_, more_ends_;  // [ranks] of what they have
};

}  // namespace dvi
