// Runs whose features are extreme or degenerate, generated: every one is fitted to a sensible picture, or
// refused in one sentence. DVI_GENERATED_RUNS=1000 fits so many random ones in place of a few; worth it with
// the sanitizers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/error.h"
#include "core/progress.h"
#include "core/random.h"
#include "fit/fit.h"
#include "fit/identical_samples.h"
#include "run/run_writer.h"
#include "run/testing/test_run.h"
#include "run/view.h"

namespace dvi {
namespace {

/// How the features of one epoch are made.
struct Spec {
  int64_t samples = 60, dims = 6;
  int classes = 3;
  double scale = 1;      ///< of normal numbers
  double offset = 0;     ///< added to all
  double zeros = 0;      ///< share of numbers that are 0
  int64_t used = 1000;   ///< dimensions that vary; the others are constant
  int64_t distinct = 0;  ///< different samples; 0: all
  double outlier = 0;    ///< one number of one sample, times scale
  double head = 1;       ///< size of the head's weight, divided by scale
  bool test_group = true;

  std::string text() const {
    return fmt::format(
        "samples {} dims {} classes {} scale {} offset {} zeros {} used {} distinct {} outlier {} head {} "
        "test {}",
        samples, dims, classes, scale, offset, zeros, used, distinct, outlier, head, test_group);
  }
};

Matrix features_of(const Spec& spec, uint64_t seed) {
  Random random(seed);
  Matrix features(spec.samples, spec.dims);
  const auto clamped = [](double value) {
    constexpr double most = std::numeric_limits<float>::max() / 2;
    return static_cast<float>(std::clamp(value, -most, most));
  };
  for (int64_t i = 0; i < spec.samples; ++i)
    for (int64_t j = 0; j < spec.dims; ++j) {
      const bool zero = random.uniform() < spec.zeros;
      const double value = j < spec.used ? random.normal() : 0.5;
      features(i, j) = zero ? 0.f : clamped(spec.scale * (value + spec.offset));
    }
  if (spec.distinct > 0)
    for (int64_t i = spec.distinct; i < spec.samples; ++i)
      std::copy_n(features.row(i % spec.distinct), spec.dims, features.row(i));
  if (spec.outlier != 0) features(spec.samples / 2, 0) = clamped(spec.scale * spec.outlier);
  return features;
}

/// Two epochs: an ordinary one, then one as `spec` says.
void record(const std::filesystem::path& folder, const Spec& spec, uint64_t seed) {
  Manifest manifest;
  manifest.name = "generated";
  for (int c = 0; c < spec.classes; ++c) manifest.classes.push_back(fmt::format("class {}", c));
  manifest.feature_dim = spec.dims;
  const int64_t test = spec.test_group ? spec.samples / 4 : 0;
  manifest.groups = {{"train", "train", 0, spec.samples - test}};
  if (test > 0) manifest.groups.push_back({"test", "test", spec.samples - test, test});
  manifest.subject = SubjectKind::linear_head;
  RunWriter writer(folder, manifest);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < spec.samples; ++i) labels.push_back(static_cast<int32_t>(i % spec.classes));
  writer.labels(labels);
  writer.begin();
  for (const int epoch : {1, 2}) {
    Spec now = spec;
    if (epoch == 1) {
      now = Spec{};
      now.samples = spec.samples;
      now.dims = spec.dims;
      now.classes = spec.classes;
    }
    Random random(seed, static_cast<uint64_t>(epoch));
    Matrix weight(spec.classes, spec.dims);
    for (int64_t i = 0; i < spec.classes * spec.dims; ++i)
      weight.data()[i] = static_cast<float>(std::clamp(now.head / now.scale * random.normal(), -1e37, 1e37));
    std::vector<float> bias(static_cast<size_t>(spec.classes));
    for (float& b : bias) b = static_cast<float>(0.1 * random.normal());
    EpochWriter out = writer.epoch(epoch);
    out.features(features_of(now, seed + static_cast<uint64_t>(epoch)));
    out.linear_head(weight, bias);
    out.commit(Json::object());
  }
  writer.finish();
}

/// Fits the run; what is said of a run that is refused, or nothing. Checks the picture of one that is not.
std::string fit_and_check(const std::filesystem::path& folder) {
  try {
    fit_run(folder, {});
  } catch (const Error& error) {
    EXPECT_THAT(std::string(error.what()), ::testing::HasSubstr("expected"));
    return error.what();
  }
  const dvi::Run run = dvi::Run::open(folder);
  const View view = View::open(run, "default");
  for (const int number : view.epoch_numbers()) {
    const auto epoch = view.epoch(number);
    const auto positions = epoch->positions();
    const auto extent = view.extent();
    const double width = extent[2] - extent[0];
    EXPECT_TRUE(std::isfinite(width) && width > 0);
    for (size_t i = 0; i < positions.size(); ++i) {
      EXPECT_TRUE(std::isfinite(positions[i]));
      EXPECT_GE(positions[i], extent[i % 2]);
      EXPECT_LE(positions[i], extent[i % 2 + 2]);
    }
    for (const float confidence : epoch->confidence()) EXPECT_TRUE(confidence >= 0 && confidence <= 1);
    const std::vector<int32_t> first = first_identical(run.epoch(number).features());
    for (size_t i = 0; i < first.size(); ++i) {
      const auto of = static_cast<size_t>(first[i]);
      EXPECT_EQ(positions[2 * i], positions[2 * of]);
      EXPECT_EQ(positions[2 * i + 1], positions[2 * of + 1]);
    }
    const NpyArray boundary = NpyArray::open(run.view_folder("default") / "epochs" /
                                             epoch_folder_name(number) / "boundary_features.npy");
    for (const float value : boundary.to_floats()) EXPECT_TRUE(std::isfinite(value));
  }
  return "";
}

class ExtremeRuns : public ::testing::Test {
 protected:
  void SetUp() override { set_output(Output::quiet); }
  std::string fitted(const Spec& spec, uint64_t seed = 1) {
    SCOPED_TRACE(spec.text());
    const TemporaryFolder folder;
    record(folder / "run", spec, seed);
    return fit_and_check(folder / "run");
  }
};

TEST_F(ExtremeRuns, FeaturesOfAnyFiniteScale) {
  for (const double scale : {1e-30, 1e-12, 1e6, 3e18, 1e30}) {
    Spec spec;
    spec.scale = scale;
    EXPECT_EQ(fitted(spec), "");
  }
}

TEST_F(ExtremeRuns, ConstantIdenticalSparseAndOneDimension) {
  Spec constant;
  constant.used = 0;
  Spec zero = constant;
  zero.zeros = 1;
  Spec two;
  two.distinct = 2;
  Spec sparse;
  sparse.zeros = 0.95;
  Spec line;
  line.used = 1;
  Spec far;
  far.offset = 1e6;
  Spec outlier;
  outlier.outlier = 1e25;
  for (const Spec& spec : {constant, zero, two, sparse, line, far, outlier}) EXPECT_EQ(fitted(spec), "");
}

TEST_F(ExtremeRuns, HeadsThatAreSureOrDoNotCare) {
  for (const double head : {0.0, 1e-6, 1e4, 1e12}) {
    Spec spec;
    spec.head = head;
    EXPECT_EQ(fitted(spec), "");
  }
}

TEST_F(ExtremeRuns, AnyCombination) {
  const char* asked = std::getenv("DVI_GENERATED_RUNS");
  const int count = asked != nullptr ? std::atoi(asked) : 12;
  Random random(17);
  const auto pick = [&](std::initializer_list<double> values) {
    return values.begin()[static_cast<size_t>(random.uniform() * double(values.size()) * 0.999999)];
  };
  for (int i = 0; i < count; ++i) {
    Spec spec;
    spec.samples = static_cast<int64_t>(pick({24, 40, 90, 300}));
    spec.dims = static_cast<int64_t>(pick({2, 3, 17, 64, 257}));
    spec.classes = static_cast<int>(pick({2, 3, 10, 40}));
    spec.scale = std::pow(10., pick({-36, -20, -3, 0, 0, 3, 12, 19, 30, 37}));
    spec.offset = pick({0, 0, 1, 1000});
    spec.zeros = pick({0, 0, 0.5, 0.99, 1});
    spec.used = static_cast<int64_t>(pick({0, 1, 2, 1000, 1000}));
    spec.distinct = static_cast<int64_t>(pick({0, 0, 0, 1, 2, 16}));
    spec.outlier = pick({0, 0, 1e3, 1e15});
    spec.head = pick({0, 1e-3, 1, 1, 100});
    spec.test_group = pick({0, 1}) > 0;
    fitted(spec, static_cast<uint64_t>(i));
  }
}

}  // namespace
}  // namespace dvi
