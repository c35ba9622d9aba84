// Least squares with weights that may not be negative.
#pragma once

#include <vector>

namespace dvi {

/// The w >= 0 that minimises w^T Q w / 2 - c^T w, for Q [n, n] row-major, symmetric and positive
/// semidefinite: with Q = A^T A and c = A^T b the non-negative least-squares solution of A w = b. Coordinate
/// descent (Franc, Hlavac & Navara, CAIP 2005) until no weight moves by more than 1e-6 of the largest, at
/// most `sweeps` times over. A column of zeros gets the weight 0.
std::vector<double> nonnegative_weights(const std::vector<double>& q, const std::vector<double>& c,
                                        int sweeps = 500);

}  // namespace dvi
