// Each kind of finding on runs in which it was planted, and on the same runs without it.
#include "findings/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "run/run_writer.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

constexpr int classes = 4, epochs = 8;
constexpr int32_t train_count = 600, test_count = 300;
constexpr int64_t dim = 6;

/// A run whose samples lie where a test wants them to: class c of the picture is a sector around angle
/// 2 pi c / classes (run/testing/test_run.h), and a sample is predicted as the class it is placed in.
class Planted {
 public:
  /// Class that sample `id` is placed in at epoch 1 to `epochs`, by default its label.
  std::function<int32_t(int epoch, int32_t id)> place;
  /// Spread around the place; by default .8.
  std::function<double(int epoch, int32_t id)> spread = [](int, int32_t) { return 0.8; };
  std::function<double(int32_t id)> offset = [](int32_t) {
    return 0.0;
  };  // in the dimensions beyond the plane
  std::function<std::vector<int32_t>(int epoch)> training_set;
  std::vector<int32_t> labels;
  std::vector<Group> groups = {{"train", "train", 0, train_count}, {"test", "test", train_count, test_count}};
  bool logits = false;
  double scale_of_logits = 1;

  Planted() {
    for (int32_t id = 0; id < train_count + test_count; ++id) labels.push_back(id % classes);
    place = [this](int, int32_t id) { return labels[static_cast<size_t>(id)]; };
  }

  std::vector<Finding> findings(int until = 1000) {
    TemporaryFolder folder;
    record(folder / "run");
    const dvi::Run run = dvi::Run::open(folder / "run");
    std::vector<int> all;
    for (int e = 1; e <= epochs; ++e) all.push_back(e);
    make_test_view(run, all, 32);
    return find_in_run(run, View::open(run, "default"), until);
  }

 private:
  void record(const std::filesystem::path& folder) const {
    Manifest manifest;
    manifest.name = "planted";
    manifest.classes = {"ant", "bee", "cat", "dog"};
    manifest.feature_dim = dim;
    manifest.groups = groups;
    manifest.subject = SubjectKind::linear_head;
    RunWriter writer(folder, manifest);
    writer.labels(labels);
    writer.begin();
    Matrix weight(classes, dim);
    for (int64_t c = 0; c < classes; ++c) {
      weight(c, 0) = static_cast<float>(std::cos(2 * M_PI * double(c) / classes));
      weight(c, 1) = static_cast<float>(std::sin(2 * M_PI * double(c) / classes));
    }
    for (int epoch = 1; epoch <= epochs; ++epoch) {
      Matrix features(manifest.sample_count(), dim);
      Matrix of_logits(manifest.sample_count(), classes);
      for (int32_t id = 0; id < features.rows(); ++id) {
        Random random(3, static_cast<uint64_t>(id));  // stays the same over the epochs
        const double angle = 2 * M_PI * place(epoch, id) / classes, s = spread(epoch, id);
        features(id, 0) = static_cast<float>(4 * std::cos(angle) + s * random.normal());
        features(id, 1) = static_cast<float>(4 * std::sin(angle) + s * random.normal());
        for (int64_t j = 2; j < dim; ++j)
          features(id, j) = static_cast<float>(0.3 * s * random.normal() + offset(id));
        for (int64_t c = 0; c < classes; ++c)
          of_logits(id, c) = static_cast<float>(
              (double{weight(c, 0)} * features(id, 0) + double{weight(c, 1)} * features(id, 1)));
      }
      EpochWriter e = writer.epoch(epoch);
      e.features(features);
      if (logits) e.logits(of_logits);
      e.linear_head(weight, std::vector<float>(classes, 0.f));
      if (training_set) e.training_set(training_set(epoch));
      e.commit({});
    }
    writer.finish();
  }
};

std::vector<std::string> kinds(const std::vector<Finding>& findings) {
  std::vector<std::string> found;
  for (const Finding& f : findings) found.push_back(f.kind);
  return found;
}

const Finding* of_kind(const std::vector<Finding>& findings, const std::string& kind) {
  for (const Finding& f : findings)
    if (f.kind == kind) return &f;
  return nullptr;
}

double share_of(const std::vector<int32_t>& ids, const std::function<bool(int32_t)>& is) {
  return ids.empty() ? 0
                     : static_cast<double>(std::count_if(ids.begin(), ids.end(), is)) /
                           static_cast<double>(ids.size());
}

TEST(Findings, NothingStandsOutWhereNothingWasPlanted) {
  Planted plain;
  EXPECT_THAT(kinds(plain.findings()), testing::IsEmpty());
}

/// A tenth of the train labels is wrong; from epoch 5 on they are predicted as labelled, one after the other.
Planted with_wrong_labels(bool memorised) {
  Planted run;
  for (int32_t id = 0; id < train_count; id += 10)
    run.labels[static_cast<size_t>(id)] = (run.labels[static_cast<size_t>(id)] + 1) % classes;
  run.place = [labels = run.labels, memorised](int epoch, int32_t id) {
    const int32_t truth = id % classes, label = labels[static_cast<size_t>(id)];
    return memorised && id / 10 % 4 < epoch - 4 ? label : truth;
  };
  return run;
}

TEST(Findings, WrongLabels) {
  Planted run = with_wrong_labels(false);
  const auto found = run.findings();
  const Finding* noise = of_kind(found, "label_noise");
  ASSERT_NE(noise, nullptr);
  EXPECT_EQ(noise->from, 1);
  EXPECT_GT(share_of(noise->samples, [](int32_t id) { return id < train_count && id % 10 == 0; }), 0.95);
  EXPECT_GE(noise->samples.size(), 50u);
  EXPECT_EQ(of_kind(found, "memorisation"), nullptr);
}

TEST(Findings, Memorisation) {
  Planted run = with_wrong_labels(true);
  const auto found = run.findings();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front().kind, "memorisation");
  EXPECT_EQ(found.front().from, 5);
  EXPECT_GT(share_of(found.front().samples, [](int32_t id) { return id < train_count && id % 10 == 0; }),
            0.95);
  // As training stood at epoch 4, nothing had been memorised yet, but the labels were known to be wrong.
  EXPECT_EQ(of_kind(run.findings(4), "memorisation"), nullptr);
  EXPECT_NE(of_kind(run.findings(4), "label_noise"), nullptr);
}

TEST(Findings, HardSamplesAreNoWrongLabels) {
  // As many contradicted labels, but among held-out samples too.
  Planted run;
  for (int32_t id = 0; id < train_count + test_count; id += 10)
    run.labels[static_cast<size_t>(id)] = (run.labels[static_cast<size_t>(id)] + 1) % classes;
  run.place = [](int, int32_t id) { return id % classes; };
  EXPECT_EQ(of_kind(run.findings(), "label_noise"), nullptr);
}

TEST(Findings, Forgetting) {
  Planted run;
  run.place = [](int epoch, int32_t id) {
    const int32_t c = id % classes;
    return epoch >= 5 && c == 2 && id % 3 != 0 ? 3 : c;
  };
  const auto found = run.findings();
  const Finding* f = of_kind(found, "forgetting");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->from, 4);
  EXPECT_EQ(f->to, 5);
  EXPECT_THAT(f->classes, testing::ElementsAre(2));
  EXPECT_EQ(share_of(f->samples, [](int32_t id) { return id % classes == 2 && id % 3 != 0; }), 1);
  EXPECT_EQ(of_kind(run.findings(4), "forgetting"), nullptr);
  // The class that took them won territory, and the two are confused since.
  const Finding* shift = of_kind(found, "territory_shift");
  ASSERT_NE(shift, nullptr);
  EXPECT_EQ(shift->to, 5);
  const Finding* confusion = of_kind(found, "confusion");
  ASSERT_NE(confusion, nullptr);
  EXPECT_EQ(confusion->from, 5);
  EXPECT_THAT(confusion->classes, testing::ElementsAre(2, 3));
}

TEST(Findings, LateClass) {
  Planted run;
  run.place = [](int epoch, int32_t id) {
    const int32_t c = id % classes;
    return c == 1 && epoch < 6 ? 0 : c;
  };
  const auto found = run.findings();
  const Finding* f = of_kind(found, "late_class");
  ASSERT_NE(f, nullptr);
  EXPECT_THAT(f->classes, testing::ElementsAre(1));
  EXPECT_EQ(f->to, 6);
  EXPECT_THAT(of_kind(run.findings(5), "late_class")->text, testing::HasSubstr("has not separated"));
}

TEST(Findings, UnstableSamples) {
  Planted run;
  run.place = [](int epoch, int32_t id) {
    const int32_t c = id % classes;
    return id % 50 == 7 ? (c + epoch % 2) % classes : c;
  };
  const auto found = run.findings();
  const Finding* f = of_kind(found, "unstable");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->samples.size(), 18u);
  EXPECT_EQ(share_of(f->samples, [](int32_t id) { return id % 50 == 7; }), 1);
}

TEST(Findings, ChanceFlipsAreNotUnstable) {
  Planted run;
  run.place = [](int epoch, int32_t id) {
    Random random(9, static_cast<uint64_t>(id), static_cast<uint64_t>(epoch));
    return random.uniform() < 0.05 ? (id + 1) % classes : id % classes;
  };
  EXPECT_EQ(of_kind(run.findings(), "unstable"), nullptr);
}

TEST(Findings, TradeOffBetweenGroups) {
  Planted run;
  run.groups = {{"train", "train", 0, train_count},
                {"test", "test", train_count, test_count / 2},
                {"attacked", "adversarial", train_count + test_count / 2, test_count / 2}};
  run.place = [](int epoch, int32_t id) {
    const int32_t c = id % classes;
    const bool attacked = id >= train_count + test_count / 2, test = id >= train_count && !attacked;
    if (attacked && epoch < 4) return (c + 1) % classes;
    if (test && epoch >= 4 && id % 4 == 1) return (c + 1) % classes;
    return c;
  };
  const auto found = run.findings();
  const Finding* f = of_kind(found, "trade_off");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->to, 4);
  EXPECT_EQ(share_of(f->samples, [](int32_t id) { return id >= train_count && id % 4 == 1; }), 1);
  EXPECT_THAT(f->text, testing::HasSubstr("\"attacked\" gained at the price of \"test\""));
}

TEST(Findings, SelectedSamplesThatMoveABoundary) {
  // Of class 0's samples those near the samples that come at epoch 4 turn over; elsewhere nobody does.
  Planted run;
  run.training_set = [](int epoch) {
    std::vector<int32_t> ids;
    for (int32_t id = 1; id < train_count; id += 8) ids.push_back(id);  // class 1
    if (epoch >= 4)
      for (int32_t id = 0; id < train_count; id += 16) ids.push_back(id);  // of class 0
    return ids;
  };
  run.place = [](int epoch, int32_t id) {
    const int32_t c = id % classes;
    return c == 0 && epoch >= 4 && id % 16 != 0 && id % 12 != 0 ? 1 : c;
  };
  const auto found = run.findings();
  const Finding* f = of_kind(found, "moved_boundary");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->to, 4);
  EXPECT_THAT(f->classes, testing::ElementsAre(0, 1));
  // The same turn with new samples of a class where nothing happens.
  run.training_set = [](int epoch) {
    std::vector<int32_t> ids;
    for (int32_t id = 1; id < train_count; id += 8) ids.push_back(id);
    if (epoch >= 4)
      for (int32_t id = 2; id < train_count; id += 16) ids.push_back(id);
    return ids;
  };
  EXPECT_EQ(of_kind(run.findings(), "moved_boundary"), nullptr);
}

TEST(Findings, Collapse) {
  Planted run;
  run.spread = [](int epoch, int32_t id) { return id < train_count && epoch >= 6 ? 0.05 : 0.8; };
  const auto found = run.findings();
  const Finding* f = of_kind(found, "collapse");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->from, 6);
}

TEST(Findings, Outliers) {
  Planted run;
  run.offset = [](int32_t id) { return id >= train_count && id % 60 == 3 ? 5.0 + id % 7 : 0.0; };
  const auto found = run.findings();
  const Finding* f = of_kind(found, "outlier");
  ASSERT_NE(f, nullptr);
  EXPECT_GE(share_of(f->samples, [](int32_t id) { return id >= train_count && id % 60 == 3; }), 0.8);
  EXPECT_GE(f->samples.size(), 5u);
}

TEST(Findings, DuplicatesWithDifferentLabels) {
  TemporaryFolder folder;
  TestRunOptions options;
  options.images = false;
  make_test_run(folder / "run", options);
  // The same features at the first epoch; no inputs are recorded.
  const auto file = folder / "run" / "epochs" / "000001" / "features.npy";
  Matrix features = NpyArray::open(file).to_matrix();
  for (int64_t j = 0; j < features.cols(); ++j) {
    features(7, j) = features(3, j);   // labels 1 and 0
    features(10, j) = features(4, j);  // both of label 1
  }
  write_npy(file, features.view());
  const dvi::Run run = dvi::Run::open(folder / "run");
  const auto found = find_in_run(run, View::open(run, "default"));
  const Finding* f = of_kind(found, "label_conflict");
  ASSERT_NE(f, nullptr);
  EXPECT_THAT(f->samples, testing::UnorderedElementsAre(3, 7));
}

TEST(Findings, RankedWithSentenceAndLink) {
  Planted run = with_wrong_labels(true);
  const auto found = run.findings();
  for (size_t i = 1; i < found.size(); ++i) EXPECT_GE(found[i - 1].score, found[i].score);
  const Json json = to_json(found);
  for (const Json& f : json["findings"]) {
    for (const char* key : {"kind", "from", "to", "classes", "samples", "score", "text", "link"})
      EXPECT_TRUE(f.contains(key)) << key;
    EXPECT_THAT(f["link"].get<std::string>(), testing::StartsWith("#epoch="));
    EXPECT_THAT(f["text"].get<std::string>(), testing::EndsWith("."));
    EXPECT_LE(f["score"].get<double>(), 1);
    EXPECT_LE(f["from"].get<int>(), f["to"].get<int>());
  }
  EXPECT_THAT(to_text(found, 1), testing::StartsWith(" 1. Wrong labels are being memorised since epoch 5"));
}

TEST(Findings, LinkPacksSelections) {
  Finding f;
  f.scene = 7;
  f.color = "label";
  f.samples = {9, 1, 2, 3};
  EXPECT_EQ(scene_link(f), "epoch=7&color=label&selected=1-3,9&panel=findings");
}

}  // namespace
}  // namespace dvi
