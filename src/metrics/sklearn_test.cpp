// Trustworthiness against scikit-learn's (sklearn.manifold.trustworthiness), where Debian's python3-sklearn
// is installed.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>

#include "core/npy.h"
#include "core/random.h"
#include "graph/plane_neighbors.h"
#include "metrics/metrics.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

/// What a program prints, or nothing if it fails.
std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return "";
  char buffer[256];
  while (std::fgets(buffer, sizeof buffer, pipe)) out += buffer;
  return pclose(pipe) == 0 ? out : "";
}

TEST(Sklearn, AgreesOnTrustworthinessAndContinuity) {
  if (output_of("/usr/bin/python3 -c 'import sklearn; print(1)' 2>/dev/null").empty())
    GTEST_SKIP() << "NOT COMPARED with scikit-learn: install python3-sklearn for that";
  constexpr int32_t n = 600;
  Random random(9);
  Matrix features(n, 12), positions(n, 2);
  for (int64_t i = 0; i < n * 12; ++i) features.data()[i] = static_cast<float>(random.normal());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t d = 0; d < 2; ++d)
      positions(i, d) = features(i, d) + 0.2f * static_cast<float>(random.normal());

  const TemporaryFolder folder;
  write_npy(folder / "f.npy", features);
  write_npy(folder / "p.npy", positions);
  const std::string text = output_of(
      "cd '" + folder.path().string() +
      "' && /usr/bin/python3 -c 'import numpy as np; from sklearn.manifold import trustworthiness as t; "
      "f = np.load(\"f.npy\").astype(\"f8\"); p = np.load(\"p.npy\").astype(\"f8\"); "
      "print(t(f, p, n_neighbors=15), t(p, f, n_neighbors=15))'");
  double trustworthiness = 0, continuity = 0;
  ASSERT_EQ(std::sscanf(text.c_str(), "%lf %lf", &trustworthiness, &continuity), 2) << text;

  std::vector<int32_t> all(n);
  std::iota(all.begin(), all.end(), 0);
  const auto near = exact_neighbors(features, features, 20, true),
             plane = plane_neighbors(positions, all, all, 20);
  GroupInput input;
  input.ids = input.references = all;
  input.neighbors = &near;
  input.plane_neighbors = &plane;
  const auto metrics = neighbor_metrics(features, positions, input, n);
  EXPECT_NEAR(*metrics.trustworthiness_15, trustworthiness, 1e-9);
  EXPECT_NEAR(*metrics.continuity_15, continuity, 1e-9);
}

}  // namespace
}  // namespace dvi
