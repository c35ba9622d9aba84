// What is known of the samples of a new group, as the files of a run and its views hold it.
#pragma once

#include <map>
#include <string>

#include "project/new_samples.h"
#include "run/events.h"
#include "run/view.h"

namespace dvi {

/// n samples, by the file's name: a matrix of n rows each, numbers of any dtype as floats (ids below 2^24 are
/// exact; the lists of ids lie in `ids`).
struct NewRows {
  std::map<std::string, Matrix> values;
  std::map<std::string, std::vector<int32_t>> ids;  ///< [n, k] of "neighbors.npy" and "plane_neighbors.npy"
};

/// Features as recorded and logits, at a recorded epoch.
NewRows recorded_rows(const Run& run, const Epoch& epoch, const NewSamples& samples);

/// Everything that a view's epoch stores of samples. `features` [n, D] as recorded; the samples get the ids
/// from `begin` on.
NewRows view_rows_of(const Run& run, const View& view, int epoch, MatrixView features, int64_t begin);

}  // namespace dvi
