#include "run/view.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

#include "run/testing/test_run.h"

namespace dvi {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ViewTest : public ::testing::Test {
 protected:
  ViewTest() : run_(make_test_run(folder_ / "run")) {}
  TemporaryFolder folder_;
  dvi::Run run_;
};

TEST_F(ViewTest, ReadsAllOfIt) {
  const View view = View::open(run_, "default");
  EXPECT_THAT(run_.view_names(), ElementsAre("default"));
  EXPECT_EQ(default_view_name(run_), "default");
  EXPECT_THAT(view.epoch_numbers(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(view.state(), "done");
  const auto epoch = view.epoch(3);
  EXPECT_EQ(epoch->positions().size(), 600u);
  EXPECT_EQ(epoch->encoder_positions().data(), epoch->positions().data());
  EXPECT_EQ(epoch->neighbor_count(), 15);
  EXPECT_EQ(epoch->boundary_count(), 100);
  EXPECT_THAT(epoch->decoder_widths(), ElementsAre(2, 8));
  EXPECT_EQ(view.epoch(3), epoch);
  const auto territory = view.territory(3);
  ASSERT_TRUE(territory.has_value());
  EXPECT_EQ(territory->size, 64);
  EXPECT_EQ(territory->classes.as<uint16_t>()[32 * 64 + 63], 0);  // to the right lies class 0
  EXPECT_FALSE(view.territory(9).has_value());
  EXPECT_FALSE(view.events().empty());
}

TEST_F(ViewTest, TheKeyStaysWhileTheViewGrows) {
  const View before = View::open(run_, "default");
  const auto epoch = before.epoch(2);
  Json json = before.json();
  json["epochs"] = {1, 2, 3};
  write_json(before.folder() / "view.json", json);
  const View grown = View::open(run_, "default", &before);
  EXPECT_EQ(grown.key(), before.key());
  EXPECT_EQ(grown.epoch(2), epoch);
  EXPECT_FALSE(grown.has_epoch(4));
  json["extent"] = {-9, -9, 9, 9};
  write_json(before.folder() / "view.json", json);
  EXPECT_NE(View::open(run_, "default").key(), before.key());
}

TEST_F(ViewTest, WhatIsMissingIsNamed) {
  EXPECT_THAT(error_of([&] { View::open(run_, "other"); }),
              AllOf(HasSubstr("\"other\""), HasSubstr("--view other")));
  EXPECT_THAT(error_of([&] { View::open(run_, "../../run"); }), HasSubstr("expected a view"));
  const View view = View::open(run_, "default");
  EXPECT_THAT(error_of([&] { view.epoch(9); }), HasSubstr("(1, 2, 3, 4)"));
  std::filesystem::remove(view.folder() / "epochs/000002/margin.npy");
  EXPECT_THAT(error_of([&] { view.epoch(2); }), HasSubstr("margin.npy"));
  auto classes = std::vector<int32_t>(300, 3);
  write_npy(view.folder() / "epochs/000003/runner_up.npy", classes);
  EXPECT_THAT(error_of([&] { view.epoch(3); }), HasSubstr("classes from 0 to 2, found 3"));
  std::filesystem::remove_all(run_.folder() / "views");
  EXPECT_THAT(error_of([&] { default_view_name(run_); }), HasSubstr("dvi fit"));
}

TEST_F(ViewTest, NeighboursOutsideTheRunAreRefused) {
  const View view = View::open(run_, "default");
  std::vector<int32_t> ids(300 * 15, 300);
  const int64_t shape[] = {300, 15};
  write_npy<int32_t>(view.folder() / "epochs/000001/neighbors.npy", shape, ids);
  EXPECT_THAT(error_of([&] { view.epoch(1)->neighbors(); }), HasSubstr("found 300"));
}

TEST_F(ViewTest, WhatIsLaterUsedAsAnIndexOrAWholeNumberIsCheckedWhenItIsOpened) {
  const auto folder = run_.view_folder("default"), epoch = folder / "epochs" / "000003";
  const auto complaint = [&] {
    return error_of([&] {
      const View view = View::open(run_, "default");
      view.events();
      view.territory(3);
      view.epoch(3)->encoder_widths();
    });
  };
  const auto spoiled = [&](const std::filesystem::path& file, auto write) {
    const std::string before = read_file(file);
    write(file);
    const std::string said = complaint();
    write_file_atomically(file, before);
    return said;
  };
  const std::vector<float> nan(300, NAN);
  EXPECT_THAT(spoiled(epoch / "confidence.npy", [&](auto& file) { write_npy(file, nan); }),
              AllOf(HasSubstr("confidence.npy"), HasSubstr("expected finite numbers")));
  const std::vector<int32_t> beyond(300, 3);
  EXPECT_THAT(spoiled(epoch / "predictions.npy", [&](auto& file) { write_npy(file, beyond); }),
              AllOf(HasSubstr("predictions.npy"), HasSubstr("classes from 0 to 2, found 3")));
  const std::vector<uint16_t> classes(64 * 64, 7);
  const int64_t shape[] = {64, 64};
  EXPECT_THAT(spoiled(folder / "territories" / "1" / "000003" / "class.npy",
                      [&](auto& file) { write_npy(file, shape, std::span<const uint16_t>(classes)); }),
              AllOf(HasSubstr("class.npy"), HasSubstr("found 7")));
  for (const Event& event :
       {Event{300, 2, 0, 0, 1, 0.f}, Event{-1, 2, 0, 0, 1, 0.f}, Event{1, 2, 0, 0, 3, 0.f}})
    EXPECT_THAT(spoiled(folder / "events.npy", [&](auto& file) { write_events(file, std::span(&event, 1)); }),
                HasSubstr("events.npy: expected samples from 0 to 299"));
  for (const char* widths : {"[8, -2]", "[1e9, 2]", "[8, \"2\"]", "8", "[]"})
    EXPECT_THAT(spoiled(epoch / "view_epoch.json",
                        [&](auto& file) {
                          Json json = read_json(file);
                          json["encoder"] = parse_json(widths, "widths");
                          write_json(file, json);
                        }),
                HasSubstr("expected \"encoder\" to list the layer widths"));
  for (const char* epochs : {"[-1]", "[1000000]", "[\"1\"]", "7"})
    EXPECT_THAT(spoiled(folder / "view.json",
                        [&](auto& file) {
                          Json json = read_json(file);
                          json["epochs"] = parse_json(epochs, "epochs");
                          write_json(file, json);
                        }),
                HasSubstr("view.json: expected"));
  EXPECT_EQ(complaint(), "");
}

TEST_F(ViewTest, EventsSurviveWritingAndReading) {
  const std::vector<Event> events = {{3, 2, 0, 1, 2, 0.5f}, {4, 3, 4, 2, 2, 1.5f}};
  const auto file = folder_ / "events.npy";
  write_events(file, events);
  EXPECT_EQ(read_events(file), events);
  write_events(file, {});
  EXPECT_TRUE(read_events(file).empty());
  write_events(file, events);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  EXPECT_THAT(error_of([&] { read_events(file); }), HasSubstr("cut off"));
  write_file_atomically(file, "no array");
  EXPECT_THAT(error_of([&] { read_events(file); }), HasSubstr("found something else"));
}

TEST_F(ViewTest, NumPyReadsTheEvents) {
  if (std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0)
    GTEST_SKIP() << "needs python3 with NumPy";
  const auto file = folder_ / "events.npy";
  write_events(file, std::vector<Event>{{3, 2, 0, 1, 2, 0.5f}});
  const std::string script =
      "import numpy as np; e = np.load('" + file.string() +
      "'); assert e['sample'][0] == 3 and e['to'][0] == 2 and e['value'][0] == 0.5; np.save('" +
      file.string() + "', e)";
  ASSERT_EQ(std::system(("/usr/bin/python3 -c \"" + script + "\"").c_str()), 0);
  EXPECT_EQ(read_events(file), (std::vector<Event>{{3, 2, 0, 1, 2, 0.5f}}));
}

}  // namespace
}  // namespace dvi
