#include "scenarios/findings.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "run/testing/test_run.h"

namespace dvi {
namespace {

using testing::HasSubstr;

TEST(Findings, NoisySamplesGoToTheirTrueClassFirstAndThenToTheirLabel) {
  const TemporaryFolder folder;
  TestRunOptions options;
  options.noisy = 0.2;
  options.epochs = options.fitted = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const dvi::Run run = make_test_run(folder / "run", options);
  const auto findings = find_findings("noisy-labels", run, View::open(run, "default"));
  ASSERT_TRUE(findings);
  ASSERT_EQ(findings->rows.size(), 9u);
  const auto column = [&](size_t row, const char* name) {
    const auto at = std::find(findings->columns.begin(), findings->columns.end(), name);
    return findings->rows[row][at - findings->columns.begin()];
  };
  // Made up that way (test_run.h).
  EXPECT_GT(column(5, "near_true"), 0.8);
  EXPECT_LT(column(8, "near_true"), 0.3);
  EXPECT_GT(column(8, "near_given"), 0.7);
  ASSERT_EQ(findings->notes.size(), 1u);
  EXPECT_THAT(findings->notes[0], HasSubstr("precision"));
  EXPECT_THAT(to_text(*findings), HasSubstr("near_true"));
  EXPECT_EQ(to_json(*findings).at("rows").size(), 9u);
}

TEST(Findings, RunsWithoutTheScenariosDataAreRefused) {
  const TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run");
  const View view = View::open(run, "default");
  EXPECT_THAT(error_of([&] { find_findings("adversarial", run, view); }), HasSubstr("\"adversarial\""));
  EXPECT_FALSE(find_findings("standard", run, view));
}

}  // namespace
}  // namespace dvi
