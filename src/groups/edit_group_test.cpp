#include "groups/edit_group.h"

#include <gmock/gmock.h>

#include <fstream>

#include "groups/run_copy.h"
#include "run/check.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class EditGroupTest : public testing::Test {
 protected:
  /// One epoch and no inputs: its features are all that there is of a sample.
  EditGroupTest() {
    TestRunOptions options;
    options.epochs = options.fitted = {1};
    options.images = false;
    make_test_run(folder_ / "run", options);
    fs::remove(folder_ / "run" / "inputs.npy");
    Json json = read_json(folder_ / "run" / "run.json");
    json.erase("inputs");
    json["finished"] = true;
    write_json(folder_ / "run" / "run.json", json);
    make_folder(folder_ / "run" / "selections");
    write_json(folder_ / "run" / "selections" / "mine.json", {{"name", "mine"}, {"ids", {3, 250}}});
  }
  dvi::Run open() { return dvi::Run::open(folder_ / "run"); }
  /// The test samples over again.
  NewGroup group(const std::string& name) {
    const dvi::Run run = open();
    const Matrix features = run.epoch(1).features();
    NewGroup out{name, "added", {SampleKind::features, Matrix(60, features.cols()), {}}, {}};
    std::copy_n(features.row(240), 60 * features.cols(), out.samples.values.data());
    out.labels.assign(run.labels().begin() + 240, run.labels().begin() + 300);
    return out;
  }
  /// Every file of the run, as bytes.
  std::map<std::string, std::string> files() {
    std::map<std::string, std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "run"))
      if (entry.is_regular_file() && entry.path().filename() != ".lock")
        out[fs::relative(entry.path(), folder_ / "run").string()] = read_file(entry.path());
    return out;
  }
  TemporaryFolder folder_;
};

TEST_F(EditGroupTest, AGroupHasEverythingThatRecordedSamplesHave) {
  const auto before = View::open(open(), "default").epoch(1);
  add_group(folder_ / "run", group("more"));
  const dvi::Run run = open();
  ASSERT_EQ(run.manifest().groups.back().name, "more");
  EXPECT_EQ(run.manifest().sample_count(), 360);
  EXPECT_EQ(run.labels()[305], run.labels()[245]);
  const Matrix features = run.epoch(1).features();
  const View view = View::open(run, "default");
  const auto epoch = view.epoch(1);
  const auto k = static_cast<size_t>(epoch->neighbor_count());
  for (size_t i = 0; i < 60; ++i) {
    const size_t old = 240 + i, now = 300 + i;
    for (int64_t d = 0; d < features.cols(); ++d)
      EXPECT_EQ(features(static_cast<int64_t>(now), d), features(static_cast<int64_t>(old), d));
    EXPECT_EQ(epoch->predictions()[now], epoch->predictions()[old]);
    EXPECT_EQ(epoch->round_trip()[now], epoch->round_trip()[old]);
    EXPECT_NEAR(epoch->margin()[now], epoch->margin()[old], 1e-4);
    EXPECT_NEAR(epoch->positions()[2 * now], epoch->positions()[2 * old],
                1e-4);  // the view shows its encoder
    // Among train and its own group: the same as the test sample's among train and test.
    for (size_t r = 0; r < k; ++r) {
      const int32_t there = epoch->neighbors()[old * k + r];
      EXPECT_EQ(epoch->neighbors()[now * k + r], there < 240 ? there : there + 60);
    }
  }
  for (size_t i = 0; i < 600; ++i) EXPECT_EQ(epoch->positions()[i], before->positions()[i]);
  EXPECT_TRUE(check_run(run.folder()).problems.empty());
}

TEST_F(EditGroupTest, RemovingPutsEverythingBack) {
  const auto before = files();
  add_group(folder_ / "run", group("more"));
  EXPECT_NE(files(), before);
  remove_group(folder_ / "run", "more");
  const auto after = files();
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [name, bytes] : before) EXPECT_TRUE(after.at(name) == bytes) << name;
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(EditGroupTest, GroupsBehindTheRemovedOneMoveUp) {
  add_group(folder_ / "run", group("second"));
  const auto alone = files();
  remove_group(folder_ / "run", "second");
  add_group(folder_ / "run", group("first"));
  add_group(folder_ / "run", group("second"));
  write_json(folder_ / "run" / "selections" / "mine.json", {{"ids", {3, 310, 365}}, {"name", "mine"}});
  remove_group(folder_ / "run", "first");
  EXPECT_EQ(read_json(folder_ / "run" / "selections" / "mine.json")["ids"], Json({3, 305}));
  auto after = files();
  for (const auto& [name, bytes] : alone)
    if (name != "selections/mine.json") {
      EXPECT_TRUE(after.at(name) == bytes) << name;
    }
}

TEST_F(EditGroupTest, WhatCannotBeAddedLeavesTheRunAsItWas) {
  const auto before = files();
  const auto refused = [&](NewGroup bad) {
    const std::string sentence = error_of([&] { add_group(folder_ / "run", bad); });
    EXPECT_TRUE(files() == before);
    return sentence;
  };
  EXPECT_THAT(refused(group("test")), HasSubstr("a new name"));
  EXPECT_THAT(refused(group("a/b")), HasSubstr("slashes"));
  NewGroup more = group("more");
  more.role = "train";
  EXPECT_THAT(refused(more), HasSubstr("role"));
  more = group("more");
  more.labels.pop_back();
  EXPECT_THAT(refused(more), HasSubstr("60 labels, found 59"));
  EXPECT_THAT(error_of([&] { remove_group(folder_ / "run", "test"); }), HasSubstr("recorded"));
  EXPECT_THAT(error_of([&] { remove_group(folder_ / "run", "none"); }), HasSubstr("none of that name"));
  const ViewLocks fitting(open());
  EXPECT_THAT(refused(group("more")), HasSubstr("dvi fit"));
}

TEST_F(EditGroupTest, LabelsAreNamesOrNumbers) {
  const dvi::Run run = open();
  write_file_atomically(folder_ / "labels.txt", run.manifest().classes[2] + "\n1\n-1\n");
  EXPECT_EQ(read_labels(run, folder_ / "labels.txt", 3), (std::vector<int32_t>{2, 1, -1}));
  EXPECT_THAT(error_of([&] { read_labels(run, folder_ / "labels.txt", 4); }),
              HasSubstr("4 samples, found 3"));
  write_file_atomically(folder_ / "labels.txt", "cow\n");
  EXPECT_THAT(error_of([&] { read_labels(run, folder_ / "labels.txt", 1); }), HasSubstr("\"cow\" in line 1"));
}

}  // namespace
}  // namespace dvi
