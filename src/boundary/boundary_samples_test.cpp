#include "boundary/boundary_samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "boundary/pair_drawer.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/random.h"
#include "run/run_writer.h"
#include "run/testing/test_run.h"
#include "subject/logits.h"

namespace dvi {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// Classes are sectors of the plane. features(x) = (x, y, |x|^2); logit of class c = direction of its sector
/// times (x, y), bent by a tanh where `bent`.
class Sectors final : public SubjectModel {
 public:
  Sectors(int classes, bool bent) : bent_(bent) {
    head_.weight = Matrix(classes, 3);
    head_.bias.assign(classes, 0.f);
    for (int c = 0; c < classes; ++c) {
      head_.weight(c, 0) = std::cos(6.2832f * static_cast<float>(c) / static_cast<float>(classes));
      head_.weight(c, 1) = std::sin(6.2832f * static_cast<float>(c) / static_cast<float>(classes));
    }
  }
  int64_t feature_dim() const override { return 3; }
  int64_t class_count() const override { return head_.weight.rows(); }
  bool has_features() const override { return true; }
  void features(MatrixView inputs, std::span<const int64_t>, MutMatrixView out) override {
    passes += inputs.rows;
    largest_batch = std::max(largest_batch, inputs.rows);
    for (int64_t i = 0; i < inputs.rows; ++i) {
      const float x = inputs(i, 0), y = inputs(i, 1);
      out(i, 0) = x;
      out(i, 1) = y;
      out(i, 2) = x * x + y * y;
    }
  }
  void head(MatrixView features, MutMatrixView logits) override {
    for (int64_t i = 0; i < features.rows; ++i)
      for (int64_t c = 0; c < class_count(); ++c) {
        float sum = head_.bias[c];
        for (int64_t d = 0; d < 3; ++d) sum += features(i, d) * head_.weight(c, d);
        logits(i, c) = bent_ ? std::tanh(sum) : sum;
      }
  }
  void head_vjp(MatrixView, MatrixView, MutMatrixView) override { fail("no gradient here"); }
  const LinearHead* linear_head() const override { return bent_ ? nullptr : &head_; }

  int64_t passes = 0, largest_batch = 0;

 private:
  LinearHead head_;
  bool bent_;
};

/// n inputs of two numbers, on disk as a run has them, and what the subject says of them.
struct Recorded {
  Recorded(int64_t n, SubjectModel& subject) {
    Random random(11);
    inputs = Matrix(n, 2);
    for (int64_t i = 0; i < 2 * n; ++i) inputs.data()[i] = static_cast<float>(random.normal());
    Manifest manifest;
    manifest.name = "sectors";
    for (int64_t c = 0; c < subject.class_count(); ++c) manifest.classes.push_back("c" + std::to_string(c));
    manifest.feature_dim = 3;
    manifest.groups = {{"train", "train", 0, n}};
    manifest.inputs = InputSpec{};
    manifest.inputs->kind = "row";
    RunWriter writer(folder / "run", manifest);
    const int64_t shape[] = {n, 2};
    writer.inputs(DType::f32, shape, inputs.data());
    writer.labels(std::vector<int32_t>(n, -1));
    writer.begin();
    run = dvi::Run::open(folder / "run");
    features = Matrix(n, 3);
    logits = Matrix(n, subject.class_count());
    const int64_t sample_shape[] = {2};
    subject.features(inputs, sample_shape, features.mut());
    subject.head(features, logits.mut());
    ids.resize(n);
    std::iota(ids.begin(), ids.end(), 0);
  }
  TemporaryFolder folder;
  std::optional<dvi::Run> run;
  Matrix inputs, features, logits;
  std::vector<int32_t> ids;
};

BoundaryOptions options(int64_t count, double alpha = 0.5, uint64_t seed = 1) {
  BoundaryOptions o;
  o.count = count;
  o.alpha = alpha;
  o.seed = seed;
  return o;
}

int32_t predicted(const Recorded& recorded, int32_t id) {
  return judge(recorded.logits.view().slice(id, 1).span()).prediction;
}

/// Everything a boundary set promises; `space` is what was mixed, `features_of` the features of a mixture.
template <typename FeaturesOf>
void expect_on_boundary(const BoundarySet& set, SubjectModel& subject, const Recorded& recorded,
                        const Matrix& space, const FeaturesOf& features_of) {
  Matrix logits(set.size(), subject.class_count());
  subject.head(set.features, logits.mut());
  ASSERT_EQ(set.classes.size(), static_cast<size_t>(set.size()));
  ASSERT_EQ(set.origins.size(), static_cast<size_t>(set.size()));
  ASSERT_EQ(set.logits.rows(), set.size());
  for (int64_t i = 0; i < set.size(); ++i) {
    const auto verdict = judge(logits.view().slice(i, 1).span());
    EXPECT_LT(verdict.margin, sample_delta);
    EXPECT_EQ(verdict.prediction, set.classes[i][0]);
    EXPECT_EQ(verdict.runner_up, set.classes[i][1]);
    for (int64_t c = 0; c < logits.cols(); ++c) EXPECT_NEAR(set.logits(i, c), logits(i, c), 1e-5);
    const auto& [first, second, weight] = set.origins[i];
    EXPECT_NE(predicted(recorded, first), predicted(recorded, second));
    EXPECT_GE(weight, 0.f);
    EXPECT_LE(weight, 1.f);
    std::vector<float> mixed(space.cols());
    for (int64_t d = 0; d < space.cols(); ++d)
      mixed[d] = weight * space(first, d) + (1 - weight) * space(second, d);
    const std::vector<float> expected = features_of(mixed);
    for (int64_t d = 0; d < 3; ++d) EXPECT_NEAR(set.features(i, d), expected[d], 1e-5);
  }
}

const auto same = [](const std::vector<float>& mixed) { return mixed; };
const auto lifted = [](const std::vector<float>& mixed) {
  return std::vector<float>{mixed[0], mixed[1], mixed[0] * mixed[0] + mixed[1] * mixed[1]};
};

/// How many samples each drawn class pair got.
std::map<std::pair<int, int>, int> per_pair(const BoundarySet& set, const Recorded& recorded) {
  std::map<std::pair<int, int>, int> counts;
  for (const auto& o : set.origins)
    counts[std::minmax(predicted(recorded, o.first), predicted(recorded, o.second))]++;
  return counts;
}

class BoundarySamples : public testing::TestWithParam<std::tuple<bool, double>> {};

TEST_P(BoundarySamples, OfInputsLieOnTheBoundaryBetweenTheirSamples) {
  const auto [bent, alpha] = GetParam();
  Sectors subject(4, bent);
  const Recorded recorded(2000, subject);
  const InputReader reader(*recorded.run);
  const auto set =
      sample_boundary_inputs(subject, reader, recorded.ids, recorded.logits, options(600, alpha));
  EXPECT_EQ(set.size(), 600);
  EXPECT_EQ(set.from, "inputs");
  EXPECT_EQ(set.note, "");
  EXPECT_GE(set.attempts, set.size());
  expect_on_boundary(set, subject, recorded, recorded.inputs, lifted);
  for (const auto& origin : set.origins) EXPECT_GE(std::max(origin.weight, 1 - origin.weight), alpha);
}

TEST_P(BoundarySamples, OfFeaturesLieOnTheBoundaryBetweenTheirSamples) {
  const auto [bent, alpha] = GetParam();
  Sectors subject(4, bent);
  const Recorded recorded(2000, subject);
  const auto set = sample_boundary_features(subject, recorded.features, recorded.ids, recorded.logits,
                                            options(600, alpha));
  EXPECT_EQ(set.size(), 600);
  EXPECT_EQ(set.from, "features");
  expect_on_boundary(set, subject, recorded, recorded.features, same);
}

INSTANTIATE_TEST_SUITE_P(HeadsAndAlphas, BoundarySamples,
                         testing::Combine(testing::Bool(), testing::Values(0.5, 0.6, 0.8)));

TEST(BoundarySampling, BalancesClassPairs) {
  Sectors subject(4, false);
  const Recorded recorded(4000, subject);
  const auto set =
      sample_boundary_features(subject, recorded.features, recorded.ids, recorded.logits, options(1200));
  const auto counts = per_pair(set, recorded);
  ASSERT_EQ(counts.size(), 6u);  // opposite sectors meet at the origin only, and still get their share
  for (const auto& [pair, count] : counts) EXPECT_NEAR(count, 200, 70) << pair.first << ", " << pair.second;
}

TEST(BoundarySampling, GoesInBatchesOfFewPasses) {
  Sectors subject(3, false);
  const Recorded recorded(2000, subject);
  const InputReader reader(*recorded.run);
  subject.passes = 0;
  const auto set = sample_boundary_inputs(subject, reader, recorded.ids, recorded.logits, options(1000));
  EXPECT_EQ(set.model_passes, subject.passes);
  // A look and three to eight halvings a sample; the published search would need up to 16 passes for a pair.
  EXPECT_LT(subject.passes, 9 * set.size());
  EXPECT_GE(subject.largest_batch, 256);
}

TEST(BoundarySampling, UsesTheGivenSamplesOnly) {
  Sectors subject(4, false);
  const Recorded recorded(1000, subject);
  const std::vector<int32_t> some(recorded.ids.begin() + 300, recorded.ids.begin() + 500);
  const auto set = sample_boundary_features(subject, recorded.features, some, recorded.logits, options(200));
  for (const auto& [first, second, weight] : set.origins) {
    EXPECT_TRUE(first >= 300 && first < 500);
    EXPECT_TRUE(second >= 300 && second < 500);
  }
}

TEST(BoundarySampling, IsTheSameForEveryNumberOfThreadsAndOtherForEverySeed) {
  Sectors subject(5, true);
  const Recorded recorded(1000, subject);
  const auto draw = [&](int thread_count, uint64_t seed) {
    set_threads(thread_count);
    return sample_boundary_features(subject, recorded.features, recorded.ids, recorded.logits,
                                    options(300, 0.5, seed));
  };
  const auto a = draw(1, 1), b = draw(3, 1), other = draw(3, 2);
  set_threads(0);
  EXPECT_TRUE(std::equal(a.features.data(), a.features.data() + 900, b.features.data()));
  std::set<std::pair<int, int>> pairs;
  for (const auto& o : a.origins) pairs.insert({o.first, o.second});
  int64_t shared = 0;
  for (const auto& o : other.origins) shared += pairs.contains({o.first, o.second});
  EXPECT_LT(shared, 60);  // samples near the boundary are drawn often
}

TEST(BoundarySampling, LeavesOutClassesThatAreNeverPredicted) {
  Sectors subject(4, false);
  const Recorded recorded(1000, subject);
  std::vector<int32_t> two;
  for (const int32_t id : recorded.ids)
    if (predicted(recorded, id) == 0 || predicted(recorded, id) == 2) two.push_back(id);
  const auto set = sample_boundary_features(subject, recorded.features, two, recorded.logits, options(50));
  EXPECT_EQ(set.size(), 50);
  EXPECT_EQ(per_pair(set, recorded).size(), 1u);
}

TEST(BoundarySampling, OfOneClassIsEmptyAndSaysWhy) {
  Sectors subject(4, false);
  const Recorded recorded(500, subject);
  std::vector<int32_t> one;
  for (const int32_t id : recorded.ids)
    if (predicted(recorded, id) == 1) one.push_back(id);
  const auto set = sample_boundary_features(subject, recorded.features, one, recorded.logits, options(50));
  EXPECT_EQ(set.size(), 0);
  EXPECT_THAT(set.note, HasSubstr("fewer than two classes"));
  EXPECT_THAT(sample_boundary_features(subject, recorded.features, {}, recorded.logits, options(50)).classes,
              IsEmpty());
}

TEST(BoundarySampling, StandsDuplicates) {
  Sectors subject(2, false);
  Recorded recorded(100, subject);
  for (const int32_t id : recorded.ids)
    for (int64_t d = 0; d < 3; ++d) recorded.features(id, d) = recorded.features(id % 4, d);
  subject.head(recorded.features, recorded.logits.mut());
  const auto set =
      sample_boundary_features(subject, recorded.features, recorded.ids, recorded.logits, options(200));
  EXPECT_EQ(set.size(), 200) << set.note;
  expect_on_boundary(set, subject, recorded, recorded.features, same);
}

/// Between any two samples a third class wins by far.
class NoBoundary final : public SubjectModel {
 public:
  int64_t feature_dim() const override { return 1; }
  int64_t class_count() const override { return 3; }
  bool has_features() const override { return false; }
  void features(MatrixView, std::span<const int64_t>, MutMatrixView) override { fail("arrays only"); }
  void head(MatrixView features, MutMatrixView logits) override {
    for (int64_t i = 0; i < features.rows; ++i) {
      const float f = features(i, 0);
      logits(i, 0) = f > 0.999f ? 10.f : f;
      logits(i, 1) = f < -0.999f ? 10.f : -f;
      logits(i, 2) = std::abs(f) < 0.999f ? 5.f : 0.f;
    }
  }
  void head_vjp(MatrixView, MatrixView, MutMatrixView) override { fail("no gradient here"); }
  const LinearHead* linear_head() const override { return nullptr; }
};

TEST(BoundarySampling, GivesUpWhereThereIsNothingAndSaysSo) {
  NoBoundary subject;
  Matrix features(100, 1), logits(100, 3);
  std::vector<int32_t> ids(100);
  for (int32_t i = 0; i < 100; ++i) {
    ids[i] = i;
    features(i, 0) = i % 2 ? 1.f : -1.f;
  }
  subject.head(features, logits.mut());
  const auto set = sample_boundary_features(subject, features, ids, logits, options(1000));
  EXPECT_EQ(set.size(), 0);
  EXPECT_THAT(set.note, HasSubstr("Found 0 of 1000"));
  EXPECT_LT(set.attempts, 20000);
}

TEST(BoundarySampling, RefusesWhatMakesNoSense) {
  NoBoundary subject;
  const Matrix features(2, 1), logits(2, 3);
  const std::vector<int32_t> ids = {0, 1};
  EXPECT_THROW(sample_boundary_features(subject, features, ids, logits, options(10, 1.0)), Error);
  EXPECT_THROW(sample_boundary_features(subject, features, ids, logits, options(-1)), Error);
  Sectors sectors(2, false);
  const Recorded recorded(10, sectors);
  const InputReader reader(*recorded.run);
  EXPECT_THROW(sample_boundary_inputs(subject, reader, ids, logits, options(10)), Error);
}

/// Nearest class mean of images, as a linear head over 4 x 4 pixel blocks.
class ImageMeans final : public SubjectModel {
 public:
  ImageMeans(const InputReader& reader, const std::vector<int32_t>& labels, int64_t classes)
      : pixels_(reader.sample_size()) {
    head_.weight = Matrix(classes, feature_dim());
    head_.bias.assign(classes, 0.f);
    std::vector<float> counts(classes, 0.f);
    Matrix input(1, pixels_), feature(1, feature_dim());
    for (size_t i = 0; i < labels.size(); ++i) {
      reader.read(static_cast<int64_t>(i), input.data());
      features(input, {}, feature.mut());
      ++counts[labels[i]];
      for (int64_t d = 0; d < feature_dim(); ++d) head_.weight(labels[i], d) += feature(0, d);
    }
    for (int64_t c = 0; c < classes; ++c)
      for (int64_t d = 0; d < feature_dim(); ++d) {
        float& w = head_.weight(c, d) /= counts[c];
        head_.bias[c] -= w * w / 2;
      }
  }
  int64_t feature_dim() const override { return 49; }
  int64_t class_count() const override { return head_.weight.rows(); }
  bool has_features() const override { return true; }
  void features(MatrixView inputs, std::span<const int64_t>, MutMatrixView out) override {
    for (int64_t i = 0; i < inputs.rows; ++i) {
      std::fill_n(out.row(i), 49, 0.f);
      for (int64_t p = 0; p < pixels_; ++p) out(i, p / 28 / 4 * 7 + p % 28 / 4) += inputs(i, p) / 16;
    }
  }
  void head(MatrixView features, MutMatrixView logits) override {
    for (int64_t i = 0; i < features.rows; ++i)
      for (int64_t c = 0; c < class_count(); ++c)
        logits(i, c) =
            std::inner_product(features.row(i), features.row(i) + 49, head_.weight.row(c), head_.bias[c]);
  }
  void head_vjp(MatrixView, MatrixView, MutMatrixView) override { fail("no gradient here"); }
  const LinearHead* linear_head() const override { return &head_; }

 private:
  int64_t pixels_;
  LinearHead head_;
};

// Fashion-MNIST where Debian's dataset-fashion-mnist is installed, drawn squares elsewhere.
TEST(BoundarySampling, OfImagesHoldsInBothSpaces) {
  const TemporaryFolder folder;
  TestRunOptions made;
  made.train = 1500, made.test = 10, made.classes = 10, made.epochs = {1}, made.fitted = {};
  const dvi::Run run = make_test_run(folder / "run", made);
  const InputReader reader(run);
  ASSERT_EQ(reader.sample_size(), 28 * 28);
  ImageMeans subject(reader, run.labels(), 10);
  const auto ids = run.manifest().ids_of_role("train");
  Matrix features(1510, 49), logits(1510, 10);
  std::vector<int32_t> everyone(1510);
  std::iota(everyone.begin(), everyone.end(), 0);
  subject.features(reader.gather(everyone), {}, features.mut());
  subject.head(features, logits.mut());

  const auto of_inputs = sample_boundary_inputs(subject, reader, ids, logits, options(400));
  const auto of_features = sample_boundary_features(subject, features, ids, logits, options(400));
  for (const auto* set : {&of_inputs, &of_features}) {
    ASSERT_EQ(set->size(), 400) << set->note;
    Matrix again(400, 10);
    subject.head(set->features, again.mut());
    for (int64_t i = 0; i < 400; ++i) {
      EXPECT_LT(judge(again.view().slice(i, 1).span()).margin, sample_delta);
      const auto& [first, second, weight] = set->origins[i];
      for (int64_t d = 0; d < 49; ++d)  // this subject's features are linear, so both spaces mix alike
        EXPECT_NEAR(set->features(i, d), weight * features(first, d) + (1 - weight) * features(second, d),
                    1e-4);
    }
  }
}

TEST(RecordedBoundary, IsJudgedByTheHead) {
  Sectors subject(3, true);
  const Recorded recorded(20, subject);
  const auto set = recorded_boundary(subject, recorded.features);
  EXPECT_EQ(set.from, "recorded");
  ASSERT_EQ(set.size(), 20);
  for (int32_t i = 0; i < 20; ++i) EXPECT_EQ(set.classes[i][0], predicted(recorded, i));
}

/// Draws of one class pair follow 1 / (margin towards the other class + 1e-4).
TEST(PairDrawer, PrefersSamplesNearTheOtherClass) {
  const float values[5][2] = {{1, 0}, {2, 0}, {4, 0}, {0, 1}, {0, 3}};
  Matrix logits(5, 2);
  for (int64_t i = 0; i < 5; ++i) std::copy(values[i], values[i] + 2, logits.row(i));
  const std::vector<int32_t> ids = {0, 1, 2, 3, 4};
  PairDrawer drawer(logits, ids, 0.05, 1);
  std::vector<double> counts(5, 0);
  for (const auto& pair : drawer.draw(70000)) {
    ++counts[pair.first];
    ++counts[pair.second];
  }
  EXPECT_NEAR(counts[0] / 70000, 4.0 / 7, 0.01);
  EXPECT_NEAR(counts[1] / 70000, 2.0 / 7, 0.01);
  EXPECT_NEAR(counts[2] / 70000, 1.0 / 7, 0.01);
  EXPECT_NEAR(counts[3] / 70000, 0.75, 0.01);
}

TEST(PairDrawer, DrawsWhatIsNeeded) {
  Matrix logits(3, 3);
  for (int64_t i = 0; i < 3; ++i) logits(i, i) = 1;
  const std::vector<int32_t> ids = {0, 1, 2};
  PairDrawer drawer(logits, ids, 0.05, 1);
  ASSERT_EQ(drawer.class_pairs().size(), 3u);
  // Pairs got 90, 30 and 0 of 100 tries: mean 40, need 0, 10, 40; success 3/4, 1/4, 0.
  drawer.record(0, 100, 90);
  drawer.record(1, 100, 30);
  drawer.record(2, 100, 0);
  std::vector<double> counts(3, 0);
  for (const auto& pair : drawer.draw(100000)) ++counts[pair.class_pair];
  EXPECT_NEAR(counts[0] / 1e5, 0.05 * 0.75, 0.01);
  EXPECT_NEAR(counts[1] / 1e5, 0.05 * 0.25 + 0.95 * 0.2, 0.01);
  EXPECT_NEAR(counts[2] / 1e5, 0.95 * 0.8, 0.01);
}

}  // namespace
}  // namespace dvi
