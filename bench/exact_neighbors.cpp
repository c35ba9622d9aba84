// The exact neighbours of the samples in a features.npy, timed alone: what bench/peers sets beside
// approximate ones.
//   exact_neighbors FEATURES.npy COUNT K REPEATS OUT.npy [approximate]
// looks at the first COUNT rows, writes their neighbours [COUNT, K] int32 and prints one JSON line. With
// `approximate` it times the search for very many samples, and tells the recall that it measured.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/npy.h"
#include "core/parallel.h"
#include "core/stopwatch.h"
#include "graph/neighbor_index.h"

namespace dvi {
namespace {

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void run(char** arguments, bool approximate) {
  const NpyArray file = NpyArray::open(arguments[1]);
  const auto count = std::atoll(arguments[2]);
  const int k = std::atoi(arguments[3]), repeats = std::atoi(arguments[4]);
  if (file.shape().size() != 2 || count < 1 || count > file.shape()[0])
    fail("{}: expected at least {} rows of features, found {}; ask for fewer", arguments[1], count,
         file.shape().empty() ? 0 : file.shape()[0]);
  const Matrix all = file.to_matrix();
  const MatrixView features = all.view().slice(0, count);
  std::vector<double> wall, processor;
  FoundNeighbors found;
  for (int r = 0; r < repeats; ++r) {
    const double begin = processor_seconds();
    const Stopwatch watch;
    const NeighborIndex index(features);
    found = approximate ? index.approximate(features, k, true)
                        : FoundNeighbors{index.exact(features, k, true), 1};
    wall.push_back(watch.seconds());
    processor.push_back(processor_seconds() - begin);
  }
  write_npy<int32_t>(arguments[5], std::array<int64_t, 2>{count, k}, found.neighbors.index);
  fmt::print("{{\"seconds\": {}, \"cpu_seconds\": {}, \"threads\": {}, \"recall\": {}}}\n", median(wall),
             median(processor), threads(), found.recall);
}

}  // namespace
}  // namespace dvi

int main(int argc, char** argv) {
  const bool approximate = argc == 7 && std::string_view(argv[6]) == "approximate";
  if (argc != 6 && !approximate) {
    fmt::print(stderr, "usage: exact_neighbors FEATURES.npy COUNT K REPEATS OUT.npy [approximate]\n");
    return 2;
  }
  dvi::set_threads(0);
  try {
    dvi::run(argv, approximate);
  } catch (const std::exception& error) {
    fmt::print(stderr, "exact_neighbors: {}\n", error.what());
    return 1;
  }
  return 0;
}
