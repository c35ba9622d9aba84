#include "fit/standard/settling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/progress.h"
#include "fit/standard/epoch_layout.h"
#include "fit/standard/other_places.h"
#include "graph/plane_neighbors.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

class SettlingTest : public testing::Test {
 protected:
  void SetUp() override { set_output(Output::quiet); }

  /// Four epochs whose features go straight from those of one recorded epoch to those of another,
  /// `whole_share` of the whole distance, or, with a share of 0, are made anew for each.
  void record(float whole_share) {
    TestRunOptions recording;
    recording.epochs = {1, 2, 3, 4};
    recording.fitted = {};
    recording.train = 1500;
    const dvi::Run run = make_test_run(folder_ / "run", recording);
    sets_ = SampleSets::of(run);
    const Matrix first = run.epoch(1).features(), last = run.epoch(4).features();
    for (const int number : run.epoch_numbers()) {
      const auto folder = run.folder() / "epochs" / epoch_folder_name(number);
      if (whole_share > 0) {
        Matrix between = first;
        const float share = whole_share * static_cast<float>(number - 1) / 3;
        for (int64_t i = 0; i < between.rows() * between.cols(); ++i)
          between.data()[i] += share * (last.data()[i] - first.data()[i]);
        write_npy(folder / "features.npy", between);
        std::filesystem::remove(folder / "logits.npy");
      }
      data_.push_back(
          load_epoch(run, sets_, number, 0, number > 1 ? std::optional(number - 1) : std::nullopt));
    }
  }

  /// Drafts of all epochs, one after the other.
  std::vector<std::unique_ptr<EpochLayout>> drafts(const StandardOptions& options) const {
    std::vector<std::unique_ptr<EpochLayout>> out;
    for (const auto& data : data_) {
      if (out.empty()) {
        out.push_back(std::make_unique<EpochLayout>(sets_, data, nullptr, 0, options));
        continue;
      }
      const Matrix draft = out.back()->draft();
      const ClassifierSnapshot classifier = classifier_snapshot(sets_, data_[out.size() - 1]);
      const LayoutFrame frame = out.back()->frame();
      const LayoutBefore before{draft, frame, classifier};
      out.push_back(std::make_unique<EpochLayout>(sets_, data, &before, 0, options));
    }
    return out;
  }

  /// [n, 2] of the train samples at every epoch, all settled together or one after the other.
  static std::vector<Matrix> settled(std::vector<std::unique_ptr<EpochLayout>> layouts, bool together) {
    std::vector<Settled*> all;
    for (const auto& layout : layouts) all.push_back(layout.get());
    std::vector<Matrix> out;
    if (together) settle(all, {}, StandardOptions().settle_sweeps);
    for (size_t e = 0; e < all.size(); ++e) {
      if (!together) settle(std::span(all).subspan(e, 1), e > 0 ? out.back().view() : MatrixView{}, 2);
      out.push_back(all[e]->sample_positions());
    }
    return out;
  }

  static double step(const Matrix& a, const Matrix& b) {
    double sum = 0;
    for (int64_t i = 0; i < a.rows(); ++i) sum += std::hypot(b(i, 0) - a(i, 0), b(i, 1) - a(i, 1));
    return sum / static_cast<double>(a.rows());
  }

  /// Mean number of the 15 nearest in feature space that are among the 15 nearest in the plane.
  double kept(size_t epoch, const Matrix& positions) const {
    std::vector<int32_t> self(sets_.train.size());
    std::iota(self.begin(), self.end(), 0);
    const Neighbors plane = PlaneIndex(positions).nearest(positions, fit_k, self);
    const Neighbors space = nearest_of(data_[epoch].train_to_train, fit_k);
    int64_t common = 0;
    for (int64_t i = 0; i < plane.size(); ++i)
      for (const int32_t n : plane.row(i)) common += std::ranges::count(space.row(i), n);
    return static_cast<double>(common) / static_cast<double>(plane.size());
  }

  TemporaryFolder folder_;
  SampleSets sets_;
  std::vector<EpochData> data_;
};

TEST_F(SettlingTest, SettledSamplesTravelLessAndKeepTheirNeighbors) {
  record(0.05f);
  const auto layouts = drafts({});
  StandardOptions springless;
  springless.spring = 0;
  const auto loose = settled(drafts(springless), true), held = settled(drafts({}), true);
  double loose_steps = 0, held_steps = 0, loose_kept = 0, held_kept = 0;
  for (size_t e = 0; e < layouts.size(); ++e) {
    loose_kept += kept(e, loose[e]);
    held_kept += kept(e, held[e]);
    if (e == 0) continue;
    loose_steps += step(loose[e - 1], loose[e]);
    held_steps += step(held[e - 1], held[e]);
  }
  EXPECT_GT(held_kept, 0.92 * loose_kept);
  EXPECT_LT(held_steps, 0.8 * loose_steps);
}

TEST_F(SettlingTest, EdgesThatArePutAsideChangeNothing) {
  record(0.05f);
  auto kept_in_memory = drafts({}), aside = drafts({});
  std::vector<std::unique_ptr<ScratchFile>> files;
  for (const auto& layout : aside) {
    files.push_back(std::make_unique<ScratchFile>(folder_.path()));
    layout->put_edges_aside(*files.back());
  }
  const auto a = settled(std::move(kept_in_memory), true), b = settled(std::move(aside), true);
  for (size_t e = 0; e < a.size(); ++e)
    EXPECT_TRUE(std::ranges::equal(a[e].view().span(), b[e].view().span())) << e;
}

TEST_F(SettlingTest, WhereAllNeighborsAreOtherOnesNothingIsHeld) {
  record(0);
  const auto layouts = drafts({});
  const auto held = settled(drafts({}), true);
  for (size_t e = 0; e < layouts.size(); ++e) EXPECT_GT(kept(e, held[e]), 0.9 * kept(e, layouts[e]->draft()));
}

TEST_F(SettlingTest, OtherSamplesTravelLessAndKeepTheirNeighbors) {
  record(0.05f);
  std::vector<Matrix> trains = settled(drafts({}), true);
  const auto places = [&](double spring) {
    StandardOptions options;
    options.other_spring = spring;
    std::vector<std::unique_ptr<OtherPlaces>> others;
    std::vector<Settled*> all;
    for (size_t e = 0; e < data_.size(); ++e) {
      const std::optional<ClassifierSnapshot> before =
          e > 0 ? std::optional(classifier_snapshot(sets_, data_[e - 1])) : std::nullopt;
      others.push_back(
          std::make_unique<OtherPlaces>(sets_, data_[e], before ? &*before : nullptr, 1, options));
      others.back()->place(trains[e]);
      all.push_back(others.back().get());
    }
    settle(all, {}, options.other_sweeps);
    double steps = 0, kept = 0;
    for (size_t e = 0; e < all.size(); ++e) {
      const Matrix positions = all[e]->sample_positions();
      EXPECT_EQ(positions.rows(), std::ssize(sets_.other_ids));
      const Neighbors plane = PlaneIndex(trains[e]).nearest(positions, fit_k);
      for (int64_t i = 0; i < plane.size(); ++i)
        for (const int32_t n : plane.row(i))
          kept += static_cast<double>(
              std::ranges::count(data_[e].other_to_train.row(i).first(static_cast<size_t>(fit_k)), n));
      if (e > 0) steps += step(all[e - 1]->sample_positions(), positions);
    }
    return std::pair(steps, kept / static_cast<double>(all.size() * sets_.other_ids.size()));
  };
  const auto [loose_steps, loose_kept] = places(0);
  const auto [held_steps, held_kept] = places(StandardOptions().other_spring);
  EXPECT_LT(held_steps, 0.9 * loose_steps);
  EXPECT_GT(held_kept, 0.9 * loose_kept);
  EXPECT_GT(held_kept, 5);  // chance 0.15
}

TEST_F(SettlingTest, WithoutSpringsNothingIsHeld) {
  record(0.05f);
  StandardOptions loose;
  loose.spring = 0;
  const auto free = settled(drafts(loose), false), held = settled(drafts({}), false);
  EXPECT_GT(step(free[1], free[2]), 1.2 * step(held[1], held[2]));
}

}  // namespace
}  // namespace dvi
