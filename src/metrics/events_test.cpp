#include "metrics/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"

namespace dvi {
namespace {

using testing::ElementsAre;

/// Logits whose softmax is (p, 1 - p).
void set_probability(Matrix& logits, int64_t row, float p) {
  logits(row, 0) = std::log(p);
  logits(row, 1) = std::log(1 - p);
}

/// Two epochs of n samples of two classes; nothing happens but what a test changes.
struct TwoEpochs {
  explicit TwoEpochs(size_t n)
      : labels(n, 0),
        before(n, 0),
        after(n, 0),
        confidence_before(n, 0.75f),
        confidence_after(n, 0.75f),
        at(static_cast<int64_t>(n), 2),
        to(static_cast<int64_t>(n), 2),
        logits(static_cast<int64_t>(n), 2) {
    for (size_t i = 0; i < n; ++i) set_probability(logits, static_cast<int64_t>(i), 0.75f);
  }
  std::vector<Event> find() const {
    return find_events({3, before, confidence_before, at}, {5, after, confidence_after, to}, logits, labels);
  }
  std::vector<int32_t> labels, before, after;
  std::vector<float> confidence_before, confidence_after;
  Matrix at, to, logits;
};

constexpr auto flip = static_cast<int32_t>(EventKind::flip),
               forgetting = static_cast<int32_t>(EventKind::forgetting),
               learned = static_cast<int32_t>(EventKind::learned),
               jump = static_cast<int32_t>(EventKind::confidence_jump),
               big_move = static_cast<int32_t>(EventKind::big_move);

TEST(FindEvents, NothingHappens) { EXPECT_THAT(TwoEpochs(5).find(), ElementsAre()); }

TEST(FindEvents, FlipsForgetsAndLearns) {
  TwoEpochs epochs(4);
  // 0 forgets, 1 learns, 2 has no label, 3 goes from one wrong class to another.
  epochs.labels = {0, 1, -1, 2};
  epochs.after = {1, 1, 1, 1};
  epochs.confidence_after = {0.5f, 0.75f, 0.75f, 0.875f};
  EXPECT_THAT(epochs.find(), ElementsAre(Event{0, 5, flip, 0, 1, -0.25f}, Event{1, 5, flip, 0, 1, 0},
                                         Event{2, 5, flip, 0, 1, 0}, Event{3, 5, flip, 0, 1, 0.125f},
                                         Event{0, 5, forgetting, 0, 1, 0}, Event{1, 5, learned, 0, 1, 0}));
}

TEST(FindEvents, JumpsAreOfTheEarlierPredictionWithSign) {
  TwoEpochs epochs(4);
  set_probability(epochs.logits, 1, 0.2f);   // 0.75 -> 0.2: falls by 0.55
  set_probability(epochs.logits, 2, 0.26f);  // falls by 0.49
  epochs.confidence_before[3] = 0.3f;        // 0.3 -> 0.9, of class 1
  epochs.before[3] = epochs.after[3] = 1;
  set_probability(epochs.logits, 3, 0.1f);
  const auto events = epochs.find();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].sample, 1);
  EXPECT_EQ(events[0].kind, jump);
  EXPECT_NEAR(events[0].value, -0.55f, 1e-6);
  EXPECT_EQ(events[1].sample, 3);
  EXPECT_NEAR(events[1].value, 0.6f, 1e-6);
}

TEST(FindEvents, BigMovesAreBeyondTwoSigma) {
  TwoEpochs epochs(100);
  for (int64_t i = 0; i < 100; ++i) epochs.to(i, 0) = 1;
  epochs.to(42, 0) = 3;
  epochs.to(42, 1) = 4;  // 5 away; mean 1.04, sigma 0.4
  EXPECT_THAT(epochs.find(), ElementsAre(Event{42, 5, big_move, 0, 0, 5}));
}

TEST(FindEvents, RefusesArraysOfOtherSizes) {
  TwoEpochs epochs(3);
  epochs.after.pop_back();
  EXPECT_THROW(epochs.find(), Error);
}

TEST(ReplaceEvents, KeepsTheOrderAndTheOtherEpochs) {
  std::vector<Event> all = {
      {1, 2, flip, 0, 1, 0}, {7, 4, flip, 0, 1, 0}, {8, 4, learned, 0, 1, 0}, {1, 6, flip, 1, 0, 0}};
  const std::vector<Event> fresh = {{9, 4, flip, 0, 1, 0}};
  replace_events(all, 4, fresh);
  EXPECT_THAT(
      all, ElementsAre(Event{1, 2, flip, 0, 1, 0}, Event{9, 4, flip, 0, 1, 0}, Event{1, 6, flip, 1, 0, 0}));
  replace_events(all, 8, fresh);  // a caller's epoch beyond the last one goes to the end
  EXPECT_EQ(all.back().sample, 9);
}

}  // namespace
}  // namespace dvi
