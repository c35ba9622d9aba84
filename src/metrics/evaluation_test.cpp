#include "metrics/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "metrics/metrics.h"
#include "metrics/run_metrics.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using testing::HasSubstr;
using testing::Not;

TestRunOptions options_for(std::vector<int> epochs) {
  TestRunOptions options;
  options.train = 60, options.test = 20, options.images = false;
  options.epochs = epochs;
  options.fitted = epochs;
  return options;
}

TEST(Evaluation, HasTheStoredMetricsOfEveryEpochAndThoseOfTheRun) {
  const TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", options_for({1, 2, 4, 5, 8, 9, 10, 11, 12}));
  EpochMetrics metrics;
  metrics.train.nn_15 = 4.25;
  metrics.boundary.keep_boundary = 0.875;
  write_json(run.view_folder("default") / "epochs/000004/metrics.json", to_json(metrics));
  const Json result = evaluation(run, View::open(run, "default"));
  ASSERT_EQ(result["epochs"].size(), 9u);
  EXPECT_EQ(result["epochs"][2]["epoch"], 4);
  EXPECT_EQ(result["epochs"][2]["train"]["nn_15"], 4.25);
  EXPECT_EQ(result["epochs"][2]["boundary"]["keep_boundary"], 0.875);
  EXPECT_TRUE(result["epochs"][2]["seconds"].is_object());
  EXPECT_EQ(result["references"]["test"], 80);
  for (const char* key : {"temporal_pearson", "tlr", "tnn_3"}) {
    EXPECT_TRUE(result["run"][key].is_number()) << key;
    EXPECT_EQ(result["run"][key], result["run"]["train"][key]);
    EXPECT_TRUE(result["run"]["test"][key].is_number()) << key;
  }
}

TEST(Evaluation, ReadsAsATable) {
  const TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", options_for({1, 2, 3}));
  EpochMetrics metrics;
  metrics.train.nn_15 = 4.25;
  metrics.test.ppr = 0.5;
  for (const char* epoch : {"000001", "000002", "000003"})
    write_json(run.view_folder("default") / "epochs" / epoch / "metrics.json", to_json(metrics));
  const std::string text = evaluation_text(evaluation(run, View::open(run, "default")));
  EXPECT_THAT(text, HasSubstr("4.25"));
  EXPECT_THAT(text, HasSubstr("0.500"));
  EXPECT_THAT(text, HasSubstr("nn_15_with_self"));
  EXPECT_THAT(text, HasSubstr("itself not counted"));
  EXPECT_THAT(text, HasSubstr("nn_15 3.814 train, 2.848 test"));  // 225 / 59, 225 / 79
  EXPECT_THAT(text, HasSubstr("temporal_pearson"));
  EXPECT_THAT(text, Not(HasSubstr("tlr_early")));  // three epochs only
  // Lines of a table are as long as each other.
  const auto begin = text.find(" epoch "), end = text.find("\n\n", begin);
  size_t length = 0;
  std::stringstream lines(text.substr(begin, end - begin));
  for (std::string line; std::getline(lines, line);) {
    if (length == 0) length = line.size();
    EXPECT_EQ(line.size(), length) << line;
  }
}

// The arrays on disk, in float16 and in parts, against the arrays in memory.
TEST(RunMetrics, AreThoseOfTheStoredArrays) {
  const TemporaryFolder folder;
  const std::vector<int> epochs = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const dvi::Run run = make_test_run(folder / "run", options_for(epochs));
  std::vector<Matrix> features;
  for (const int e : epochs) {
    features.push_back(run.epoch(e).features());
    std::vector<uint16_t> halves;
    for (const float f : features.back().view().span()) halves.push_back(float_to_half(f));
    const int64_t shape[] = {80, 8};
    write_npy(run.epoch(e).folder() / "features.npy", DType::f16, shape, halves.data());
    for (int64_t i = 0; i < 640; ++i)
      features.back().data()[i] = half_to_float(halves[static_cast<size_t>(i)]);
  }
  const View view = View::open(run, "default");
  std::vector<TemporalEpoch> arrays;
  for (size_t e = 0; e < epochs.size(); ++e) {
    const auto stored = view.epoch(epochs[e]);
    arrays.push_back({features[e].view().slice(60, 20),
                      MatrixView{stored->positions().data(), 80, 2}.slice(60, 20),
                      stored->neighbors().subspan(60 * 15)});
  }
  TemporalSums expected;
  expected.add(arrays, 15);
  const auto test = run_metrics(run, view).test;
  EXPECT_EQ(test.count, 20);
  EXPECT_NEAR(*test.tlr, *expected.metrics().tlr, 1e-12);
  EXPECT_NEAR(*test.tnn_3, *expected.metrics().tnn_3, 1e-12);
  EXPECT_NEAR(*test.temporal_pearson, *expected.metrics().temporal_pearson, 1e-12);
  EXPECT_EQ(run_metrics(run, view, 7).train.count, 7);
}

TEST(RunMetrics, OfTwoEpochsAreAbsent) {
  const TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", options_for({1, 2}));
  const Json json = to_json(run_metrics(run, View::open(run, "default")));
  EXPECT_FALSE(json.contains("tlr"));
  EXPECT_FALSE(json.contains("temporal_pearson"));
}

TEST(Evaluation, OfAViewWithoutEpochsSaysWhatToDo) {
  const TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", options_for({1, 2}));
  Json json = read_json(run.view_folder("default") / "view.json");
  json["epochs"] = Json::array();
  write_json(run.view_folder("default") / "view.json", json);
  EXPECT_THAT(error_of([&] { evaluation(run, View::open(run, "default")); }), HasSubstr("dvi fit"));
}

}  // namespace
}  // namespace dvi
