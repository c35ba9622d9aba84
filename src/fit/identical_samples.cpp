#include "fit/identical_samples.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "core/parallel.h"

namespace dvi {
namespace {

uint64_t hash_of(const float* row, int64_t dims) {
  uint64_t hash = 0x9e3779b97f4a7c15;
  for (int64_t j = 0; j < dims; ++j) {
    hash ^= std::bit_cast<uint32_t>(row[j] + 0.f);  // -0 + 0 is 0
    hash *= 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

std::vector<int32_t> first_identical(MatrixView features) {
  std::vector<int32_t> first(static_cast<size_t>(features.rows));
  std::vector<uint64_t> hashes(first.size());
  parallel_for(features.rows, 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      hashes[static_cast<size_t>(i)] = hash_of(features.row(i), features.cols);
  });
  std::unordered_multimap<uint64_t, int32_t> known;
  known.reserve(first.size());
  for (int64_t i = 0; i < features.rows; ++i) {
    const float* row = features.row(i);
    const uint64_t hash = hashes[static_cast<size_t>(i)];
    int32_t& of = first[static_cast<size_t>(i)];
    of = static_cast<int32_t>(i);
    const auto [begin, end] = known.equal_range(hash);
    for (auto other = begin; other != end; ++other)
      if (std::equal(row, row + features.cols, features.row(other->second))) of = other->second;
    if (of == i) known.emplace(hash, of);
  }
  return first;
}

void unite_identical(MatrixView features, Matrix& positions) {
  const std::vector<int32_t> first = first_identical(features);
  struct Sum {
    double x = 0, y = 0;
    int64_t count = 0;
  };
  std::unordered_map<int32_t, Sum> sums;
  for (size_t i = 0; i < first.size(); ++i)
    if (first[i] != static_cast<int32_t>(i)) sums[first[i]];  // only those that are several
  for (size_t i = 0; i < first.size(); ++i)
    if (const auto sum = sums.find(first[i]); sum != sums.end()) {
      sum->second.x += positions(static_cast<int64_t>(i), 0);
      sum->second.y += positions(static_cast<int64_t>(i), 1);
      ++sum->second.count;
    }
  for (size_t i = 0; i < first.size(); ++i)
    if (const auto sum = sums.find(first[i]); sum != sums.end()) {
      const auto count = static_cast<double>(sum->second.count);
      positions(static_cast<int64_t>(i), 0) = static_cast<float>(sum->second.x / count);
      positions(static_cast<int64_t>(i), 1) = static_cast<float>(sum->second.y / count);
    }
}

}  // namespace dvi
