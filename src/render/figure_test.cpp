#include "render/figure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "core/file.h"
#include "landscape/fade.h"
#include "render/film.h"
#include "render/picture_file.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using testing::HasSubstr;

struct Pixels {
  int width, height;
  std::vector<Rgb> values;
  Rgb at(double x, double y) const {
    return values[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
  }
};

Pixels pixels_of(cairo_surface_t* surface) {
  cairo_surface_flush(surface);
  Pixels pixels{cairo_image_surface_get_width(surface), cairo_image_surface_get_height(surface), {}};
  const unsigned char* data = cairo_image_surface_get_data(surface);
  for (int y = 0; y < pixels.height; ++y)
    for (int x = 0; x < pixels.width; ++x) {
      const unsigned char* p = data + y * cairo_image_surface_get_stride(surface) + 4 * x;
      pixels.values.push_back({p[2], p[1], p[0]});
    }
  return pixels;
}

Pixels drawn(Figure& figure, double time = 0) {
  const CairoSurface surface = make_picture(figure.width(), figure.height());
  {
    const CairoContext cairo(cairo_create(surface.get()));
    figure.draw(cairo.get(), time);
  }
  return pixels_of(surface.get());
}

int difference(Rgb a, Rgb b) {
  return std::max({std::abs(a.r - b.r), std::abs(a.g - b.g), std::abs(a.b - b.b)});
}

class FigureTest : public testing::Test {
 protected:
  FigureTest()
      : run_(make_test_run(folder_ / "run", {.noisy = 0.2, .images = false})),
        view_(View::open(run_, "default")) {}
  Figure figure(const FigureOptions& options, std::vector<int> epochs = {4}) {
    return {run_, view_, std::move(epochs), options};
  }
  std::pair<double, double> place_of(const Figure& figure, int32_t id, int epoch) {
    const auto positions = view_.epoch(epoch)->positions();
    return figure.place(positions[2 * static_cast<size_t>(id)], positions[2 * static_cast<size_t>(id) + 1]);
  }
  /// A train sample that is wrong at epoch 2 or right, as asked.
  int32_t sample(bool right) {
    const auto epoch = view_.epoch(2);
    const auto predictions = epoch->predictions();
    for (int32_t id = 0; id < 240; ++id)
      if ((predictions[id] == run_.labels()[id]) == right) return id;
    ADD_FAILURE() << "no such sample";
    return 0;
  }
  std::string mistake(const FigureOptions& options, std::vector<int> epochs = {4}) {
    return error_of([&] { figure(options, std::move(epochs)); });
  }

  TemporaryFolder folder_;
  dvi::Run run_;
  View view_;
};

TEST_F(FigureTest, HasTheSizeAskedForAndASquarePlotInside) {
  const Figure exact = figure({.width = 800, .height = 450});
  EXPECT_EQ(exact.width(), 800);
  EXPECT_EQ(exact.height(), 450);
  EXPECT_EQ(exact.plot().width, exact.plot().height);
  EXPECT_LE(exact.plot().x + exact.plot().width, 800);
  const Figure with = figure({.height = 400}), without = figure({.height = 400, .legend = false});
  EXPECT_EQ(with.plot().width, without.plot().width);
  EXPECT_GT(with.width(), without.width());
}

TEST_F(FigureTest, TerritoryHasTheColoursOfItsCells) {
  Figure plain = figure({.height = 600, .groups = {"test"}, .names = false});
  const Pixels picture = drawn(plain);
  const auto territory = *view_.territory(4);
  const auto palette = class_palette(3);
  const LandscapeStyle& style = theme(false).landscape;
  const auto& [x0, y0, x1, y1] = view_.extent();
  const auto fade = ground_fade(view_.epoch(4)->positions(), extent_of(view_.extent()), 64);
  ASSERT_EQ(territory.size, 64);
  // Where samples are near, but far from every one that is drawn and from the border.
  std::array<int, 3> seen{};
  for (int64_t cell = 0; cell < 64 * 64; ++cell) {
    const auto i = static_cast<size_t>(cell);
    if (fade[i] < 255 || territory.margin.as<uint8_t>()[i] < 120) continue;
    const double x = x0 + (static_cast<double>(cell % 64) + 0.5) / 64 * (x1 - x0);
    const double y = y0 + (static_cast<double>(cell / 64) + 0.5) / 64 * (y1 - y0);
    const auto [px, py] = plain.place(x, y);
    bool covered = false;
    for (int32_t id = 240; id < 300; ++id) {
      const auto [sx, sy] = place_of(plain, id, 4);
      covered = covered || std::hypot(sx - px, sy - py) < 20;
    }
    if (covered) continue;
    const auto c = territory.classes.as<uint16_t>()[i];
    const double share = style.low_share +
                         (style.high_share - style.low_share) * territory.confidence.as<uint8_t>()[i] / 255.0;
    // A cell between others is a mixture with them.
    EXPECT_LE(difference(picture.at(px, py), mix(style.ground, palette[c], share)), 12) << cell;
    ++seen[c];
  }
  EXPECT_THAT(seen, testing::Each(testing::Gt(3)));
  // Far out, beyond all samples, nothing is claimed.
  for (int c = 0; c < 3; ++c) {
    const double angle = 2 * M_PI * c / 3 + 0.3, reach = 0.48 * (x1 - x0);
    const auto [px, py] =
        plain.place((x0 + x1) / 2 + reach * std::cos(angle), (y0 + y1) / 2 + reach * std::sin(angle));
    EXPECT_EQ(picture.at(px, py), style.ground);
  }
}

TEST_F(FigureTest, ASampleIsADiscOfItsLabelAndAMistakeHasARingOfItsPrediction) {
  const auto palette = class_palette(3);
  for (const bool right : {true, false}) {
    const int32_t id = sample(right);
    const auto label = static_cast<size_t>(run_.labels()[id]);
    const auto prediction = static_cast<size_t>(view_.epoch(2)->predictions()[id]);
    Figure big = figure({.height = 900, .highlight = "id = " + std::to_string(id), .names = false}, {2});
    ASSERT_EQ(big.highlighted_count(), 1);
    const Pixels picture = drawn(big);
    const auto [x, y] = place_of(big, id, 2);
    EXPECT_LE(difference(picture.at(x, y), palette[label]), 2);
    // Somewhere between the middle and the edge the ring's own colour shows, or never does.
    int nearest = 255;
    for (double r = 0; r < 9; r += 0.25)
      nearest = std::min(nearest, difference(picture.at(x + r, y), palette[prediction]));
    EXPECT_LE(nearest, 12);
  }
}

TEST_F(FigureTest, SamplesMoveStraightAndTerritoriesCrossFade) {
  const int32_t id = sample(true);
  const auto label = static_cast<size_t>(run_.labels()[id]);
  Figure film = figure({.height = 900, .highlight = "id = " + std::to_string(id), .names = false}, {1, 4});
  const auto [xa, ya] = place_of(film, id, 1);
  const auto [xb, yb] = place_of(film, id, 4);
  ASSERT_GT(std::hypot(xb - xa, yb - ya), 40) << "the test needs a sample that moves";
  const Pixels half = drawn(film, 0.5);
  EXPECT_LE(difference(half.at((xa + xb) / 2, (ya + yb) / 2), class_palette(3)[label]), 2);
  EXPECT_GT(difference(half.at(xa, ya), class_palette(3)[label]), 20);
}

TEST_F(FigureTest, DarkIsDark) {
  Figure dark = figure({.height = 300, .dark = true});
  const Pixels picture = drawn(dark);
  EXPECT_EQ(picture.at(0, 0), theme(true).paper);
  Figure light = figure({.height = 300});
  EXPECT_EQ(drawn(light).at(0, 0), (Rgb{255, 255, 255}));
}

TEST_F(FigureTest, GroupsAreDrawnOrNot) {
  // The test group's samples leave no mark where only train is asked for.
  FigureOptions options{
      .height = 600, .color = "group", .groups = {"train"}, .legend = false, .names = false};
  Figure train = figure(options);
  options.groups = {"test"};
  Figure test = figure(options);
  const auto palette = class_palette(static_cast<int>(run_.manifest().groups.size()));
  const auto count = [](const Pixels& picture, Rgb color) {
    return std::count_if(picture.values.begin(), picture.values.end(),
                         [&](Rgb pixel) { return difference(pixel, color) <= 2; });
  };
  const Pixels with_train = drawn(train), with_test = drawn(test);
  EXPECT_GT(count(with_train, palette[0]), 100);
  EXPECT_GT(count(with_test, palette[1]), 100);
  EXPECT_LT(count(with_test, palette[0]), 10);
}

TEST_F(FigureTest, BoundarySamplesAndTrailsAreDrawnOnRequest) {
  FigureOptions options{.height = 500, .highlight = "id < 3", .legend = false};
  const auto changed = [&](const FigureOptions& with) {
    Figure before = figure(options), after = figure(with);
    const Pixels a = drawn(before), b = drawn(after);
    int count = 0;
    for (size_t i = 0; i < a.values.size(); ++i) count += difference(a.values[i], b.values[i]) > 8;
    return count;
  };
  FigureOptions trails = options, boundary = options;
  trails.trails = true;
  boundary.boundary = true;
  EXPECT_GT(changed(trails), 50);
  EXPECT_GT(changed(boundary), 50);
  EXPECT_EQ(changed(options), 0);
}

TEST_F(FigureTest, EveryColouringDraws) {
  for (const char* color : {"label", "prediction", "correct", "confidence", "margin", "kept", "group", "trip",
                            "moved", "is_noisy", "original_label"}) {
    Figure one = figure({.height = 200, .color = color});
    EXPECT_GT(drawn(one).values.size(), 0u) << color;
  }
  const SampleColoring noisy(run_, view_, "is_noisy", false, {4});
  ASSERT_EQ(noisy.key().entries.size(), 2u);
  const auto flags = run_.column("is_noisy");
  const auto colors = noisy.at(4).fill;
  for (size_t i = 0; i < flags.size(); ++i) ASSERT_EQ(colors[i], noisy.key().entries[flags[i]].color);
}

TEST_F(FigureTest, MistakesAreOneSentence) {
  EXPECT_THAT(mistake({.color = "colour"}), HasSubstr("--color: expected one of label, prediction"));
  EXPECT_THAT(mistake({.groups = {"rest"}}), HasSubstr("--groups: expected names out of train, test"));
  EXPECT_THAT(mistake({.trails = true}), HasSubstr("--highlight"));
  EXPECT_THAT(mistake({.highlight = "labl = 1"}), HasSubstr("labl"));
  EXPECT_THAT(mistake({.width = 70, .height = 70}), HasSubstr("--size"));
  EXPECT_THAT(mistake({}, {9}), HasSubstr("no fitted epoch 9; it has 1, 2, 3, 4"));
}

TEST_F(FigureTest, FilesAreWhatTheirEndingSays) {
  Figure small = figure({.width = 320, .height = 200});
  write_picture(small, 0, folder_ / "a.PNG");
  const CairoSurface read(cairo_image_surface_create_from_png((folder_ / "a.PNG").c_str()));
  ASSERT_EQ(cairo_surface_status(read.get()), CAIRO_STATUS_SUCCESS);
  EXPECT_EQ(pixels_of(read.get()).values, drawn(small).values);

  write_picture(small, 0, folder_ / "a.svg");
  const std::string svg = read_file(folder_ / "a.svg");
  EXPECT_THAT(svg, HasSubstr("<svg "));
  // Pixels are what a number without a unit means.
  EXPECT_THAT(svg, testing::ContainsRegex("width=\"320(px)?\" height=\"200(px)?\" viewBox=\"0 0 320 200\""));
  EXPECT_THAT(svg, HasSubstr("data:image/png;base64,"));
  EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));

  write_picture(small, 0, folder_ / "a.pdf");
  const std::string pdf = read_file(folder_ / "a.pdf");
  EXPECT_THAT(pdf, testing::StartsWith("%PDF-1.4"));
  EXPECT_THAT(pdf, testing::EndsWith("%%EOF\n"));
  EXPECT_THAT(pdf, HasSubstr("/MediaBox [ 0 0 320 200 ]"));

  EXPECT_THAT(error_of([&] { write_picture(small, 0, folder_ / "nowhere" / "a.png"); }),
              HasSubstr("nowhere"));
  for (const char* name : {"a.png", "a.svg", "a.pdf"}) EXPECT_TRUE(is_picture_file(name));
  EXPECT_FALSE(is_picture_file("a.jpg"));
}

TEST(FrameTimes, RunFromTheFirstEpochToTheLastWhichStays) {
  const auto times = frame_times(4, 2, 10);  // 1.5 s moving, 0.5 s still
  ASSERT_EQ(times.size(), 20u);
  EXPECT_EQ(times.front(), 0);
  EXPECT_NEAR(times[5], 1, 1e-12);
  EXPECT_EQ(times[15], 3);
  EXPECT_EQ(times.back(), 3);
}

bool have(const char* program) {
  return std::system((std::string("command -v ") + program + " > /dev/null 2>&1").c_str()) == 0;
}

/// What ffprobe says of the only stream: "width,height,frames".
std::string probe(const std::filesystem::path& file) {
  const std::string answer = file.string() + ".probe";
  const std::string command =
      "ffprobe -v error -count_frames -show_entries stream=width,height,nb_read_frames "
      "-of csv=p=0 '" +
      file.string() + "' > '" + answer + "'";
  if (std::system(command.c_str()) != 0) return "";
  std::string line;
  std::ifstream(answer) >> line;
  return line;
}

TEST_F(FigureTest, FilmsHaveAllTheirFrames) {
  if (!have("ffmpeg") || !have("ffprobe")) GTEST_SKIP() << "ffmpeg is not installed";
  Figure film = figure({.width = 161, .height = 121}, {1, 2, 3});
  for (const char* name : {"f.mp4", "f.webm", "f.gif"}) {
    size_t told = 0;
    write_film(film, {.fps = 10, .epochs_a_second = 2}, folder_ / name, [&](size_t done, size_t total) {
      told = done;
      EXPECT_EQ(total, 15u);
    });
    EXPECT_EQ(told, 15u);
    EXPECT_EQ(probe(folder_ / name), "160,120,15") << name;
  }
}

TEST_F(FigureTest, WithoutFfmpegOneSentenceTellsAndNothingIsLeft) {
  Figure film = figure({.width = 160, .height = 120}, {1, 2});
  const std::string path = std::getenv("PATH");
  std::filesystem::create_directory(folder_ / "out");
  setenv("PATH", (folder_ / "out").c_str(), 1);
  const std::string error = error_of([&] { write_film(film, {}, folder_ / "out" / "f.mp4"); });
  setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(error, HasSubstr("ffmpeg, which is not installed"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "out"));
}

TEST_F(FigureTest, WhatFfmpegComplainsOfIsTold) {
  // A program of that name that fails at once.
  std::filesystem::create_directory(folder_ / "bin");
  std::ofstream(folder_ / "bin" / "ffmpeg") << "#!/bin/sh\necho 'no space for films' >&2\nexit 3\n";
  std::filesystem::permissions(folder_ / "bin" / "ffmpeg", std::filesystem::perms::owner_all);
  const std::string path = std::getenv("PATH");
  setenv("PATH", ((folder_ / "bin").string() + ":" + path).c_str(), 1);
  Figure film = figure({.width = 400, .height = 300}, {1, 2});
  const std::string error = error_of([&] { write_film(film, {}, folder_ / "f.mp4"); });
  setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(error, HasSubstr("no space for films"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "f.mp4"));
}

}  // namespace
}  // namespace dvi
