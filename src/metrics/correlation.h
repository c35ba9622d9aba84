// Correlation of two series.
#pragma once

#include <span>
#include <vector>

namespace dvi {

/// Pearson correlation; 0 where one of the two does not vary. Series of the same length, at least 2.
double pearson(std::span<const double> x, std::span<const double> y);

/// Ranks from 1; equal values share the mean of theirs.
std::vector<double> ranks_of(std::span<const double> values);

/// Pearson correlation of the ranks.
double spearman(std::span<const double> x, std::span<const double> y);

}  // namespace dvi
