#include "project/projector.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/random.h"
#include "project/projection.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using testing::HasSubstr;

class ProjectorTest : public testing::Test {
 protected:
  ProjectorTest() : run_(make_test_run(folder_ / "run", options())) {}
  static TestRunOptions options() {
    TestRunOptions out;
    out.train = 600;
    return out;
  }
  /// The test run's view shows its encoder; with these settings it is one whose samples were moved.
  void show_a_layout() {
    Json json = read_json(run_.view_folder("default") / "view.json");
    json["settings"] = {{"margin_tolerance", 0.4}, {"relocation_reach", 0.12}};
    write_json(run_.view_folder("default") / "view.json", json);
  }
  View view() { return View::open(run_, "default"); }
  Matrix test_features(int epoch) {
    const Matrix all = run_.epoch(epoch).features();
    Matrix out(60, all.cols());
    std::copy_n(all.row(600), 60 * all.cols(), out.data());
    return out;
  }
  TemporaryFolder folder_;
  dvi::Run run_;
};

TEST_F(ProjectorTest, PlacesSamplesAsTheEncoderDoesWhereTheViewShowsIt) {
  Projector projector(run_, view(), 2);
  const auto found = projector.project(test_features(2));
  const auto epoch = view().epoch(2);
  for (int64_t i = 0; i < 60; ++i) {
    for (int64_t c = 0; c < 2; ++c)
      EXPECT_NEAR(found.positions(i, c), epoch->positions()[static_cast<size_t>(2 * (600 + i) + c)], 1e-5);
    EXPECT_EQ(found.verdicts[static_cast<size_t>(i)].prediction,
              epoch->predictions()[static_cast<size_t>(600 + i)]);
    EXPECT_NEAR(found.verdicts[static_cast<size_t>(i)].margin, epoch->margin()[static_cast<size_t>(600 + i)],
                1e-4);
  }
}

TEST_F(ProjectorTest, PlacesSamplesAmongTheirNearestTrainSamples) {
  show_a_layout();
  Projector projector(run_, view(), 3);
  const Matrix features = test_features(3);
  const auto found = projector.project(features);
  const auto epoch = view().epoch(3);
  const Matrix all = run_.epoch(3).features();
  double error = 0;
  for (int64_t i = 0; i < 60; ++i) {
    // The picture is the features' first two dimensions.
    error += std::hypot(found.positions(i, 0) - epoch->positions()[static_cast<size_t>(2 * (600 + i))],
                        found.positions(i, 1) - epoch->positions()[static_cast<size_t>(2 * (600 + i) + 1)]);
    double nearest = INFINITY;
    for (int64_t j = 0; j < 600; ++j) {
      double sum = 0;
      for (int64_t d = 0; d < all.cols(); ++d)
        sum += (features(i, d) - all(j, d)) * (features(i, d) - all(j, d));
      nearest = std::min(nearest, std::sqrt(sum));
    }
    EXPECT_NEAR(found.nearest.distances(i)[0], nearest, 1e-4);
    float sum = 0;
    for (int64_t c = 0; c < 3; ++c) sum += found.probabilities(i, c);
    EXPECT_NEAR(sum, 1, 1e-5);
  }
  EXPECT_LT(error / 60, 0.1 * (view().extent()[2] - view().extent()[0]));
}

TEST_F(ProjectorTest, ASampleIsTheSameAloneAndAmongOthers) {
  show_a_layout();
  const Matrix features = test_features(4);
  Matrix many(300, features.cols());  // enough for an index
  for (int64_t i = 0; i < 300; ++i) std::copy_n(features.row(i % 60), features.cols(), many.row(i));
  Projector together(run_, view(), 4), alone(run_, view(), 4);
  const auto all = together.project(many);
  for (int64_t i = 0; i < 60; ++i) {
    const auto one = alone.project(features.view().slice(i, 1));
    for (const int64_t row : {i, 240 + i}) {
      const auto s = static_cast<size_t>(row);
      EXPECT_EQ(one.positions(0, 0), all.positions(row, 0));
      EXPECT_EQ(one.positions(0, 1), all.positions(row, 1));
      EXPECT_EQ(one.moved[0], all.moved[s]);
      EXPECT_EQ(one.verdicts[0].margin, all.verdicts[s].margin);
      EXPECT_EQ(one.distance[0], all.distance[s]);
      EXPECT_EQ(one.familiarity[0], all.familiarity[s]);
      for (int64_t c = 0; c < 3; ++c) EXPECT_EQ(one.probabilities(0, c), all.probabilities(row, c));
      for (size_t r = 0; r < 15; ++r) EXPECT_EQ(one.nearest.row(0)[r], all.nearest.row(row)[r]);
    }
  }
}

TEST_F(ProjectorTest, StrangeSamplesAreKnownAsSuch) {
  Projector projector(run_, view(), 1);
  const Matrix train = run_.epoch(1).features();
  const auto usual = projector.project(train.view().slice(0, 100));
  double mean = 0;
  for (const float familiarity : usual.familiarity) mean += familiarity / 100;
  EXPECT_NEAR(mean, 0.5, 0.15);
  Matrix strange(1, train.cols());
  std::fill_n(strange.data(), train.cols(), 1e4f);
  const auto found = projector.project(strange);
  EXPECT_EQ(found.familiarity[0], 0);
  EXPECT_GT(found.distance[0], 100 * found.usual_distance);
}

TEST_F(ProjectorTest, BadFeaturesAreNamed) {
  Projector projector(run_, view(), 1);
  EXPECT_THAT(error_of([&] { projector.project(Matrix(2, 5)); }), HasSubstr("features of 8 numbers"));
  Matrix nan(3, 8);
  nan(2, 4) = NAN;
  EXPECT_THAT(error_of([&] { projector.project(nan); }), HasSubstr("row 2"));
  const int64_t shape[] = {8};
  EXPECT_THAT(error_of([&] { projector.project_inputs(Matrix(1, 8), shape); }), HasSubstr("a head only"));
  EXPECT_THAT(error_of([&] { Projector(run_, view(), 77); }), HasSubstr("epoch 77"));
}

TEST_F(ProjectorTest, FilesHoldWhatIsSaidOfThem) {
  const Matrix features = test_features(2);
  write_npy(folder_ / "new.npy", features);
  const NewSamples samples = read_new_samples(run_, folder_ / "new.npy", {});
  EXPECT_EQ(samples.kind, SampleKind::features);
  const auto projector_of = [&](int epoch) { return std::make_shared<Projector>(run_, view(), epoch); };
  const auto one = project_at(run_, samples, {2}, projector_of);
  write_projection(folder_ / "one.npy", run_, samples, one);
  const NpyArray places = NpyArray::open(folder_ / "one.npy");
  EXPECT_EQ(places.shape(), (std::vector<int64_t>{60, 2}));
  EXPECT_EQ(places.as<float>()[7], one[0].samples.positions(3, 1));
  write_projection(folder_ / "two.npy", run_, samples, {one[0], one[0]});
  EXPECT_EQ(NpyArray::open(folder_ / "two.npy").shape(), (std::vector<int64_t>{2, 60, 2}));

  const Json json = to_json(samples, one);
  EXPECT_EQ(json["epochs"][0]["samples"].size(), 60);
  EXPECT_EQ(json["epochs"][0]["samples"][3]["place"][1], one[0].samples.positions(3, 1));
  const std::string csv = projection_csv(run_, samples, one);
  EXPECT_EQ(std::ranges::count(csv, '\n'), 61);

  EXPECT_THAT(error_of([&] {
                project_at(run_, samples, {1, 2}, projector_of);
              }),
              HasSubstr("name one epoch"));
  EXPECT_THAT(error_of([&] { write_projection(folder_ / "a.txt", run_, samples, one); }), HasSubstr(".csv"));
}

}  // namespace
}  // namespace dvi
