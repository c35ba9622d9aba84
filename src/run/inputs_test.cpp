#include "run/inputs.h"

#include <gmock/gmock.h>

#include "run/testing/test_run.h"

namespace dvi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class InputsTest : public ::testing::Test {
 protected:
  InputsTest() {
    TestRunOptions options;
    options.train = 3, options.test = 1, options.classes = 2, options.images = false, options.epochs = {1, 2};
    options.fitted = {};
    make_test_run(folder_ / "run", options);
  }
  /// Four samples of 2 x 2 pixels x 3 channels, value 100 * sample + 12 * ... as stored.
  void write_bytes(std::vector<int64_t> shape) {
    std::vector<uint8_t> values(48);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(5 * i);
    write_npy(folder_ / "run" / "inputs.npy", DType::u8, shape, values.data());
  }
  dvi::Run open(Json inputs) {
    Json json = read_json(folder_ / "run" / "run.json");
    json["inputs"] = std::move(inputs);
    write_json(folder_ / "run" / "run.json", json);
    return dvi::Run::open(folder_ / "run");
  }
  TemporaryFolder folder_;
};

TEST_F(InputsTest, ChannelsLastBecomesChannelsFirst) {
  write_bytes({4, 2, 2, 3});
  const InputReader reader(open({{"kind", "image"}, {"layout", "NHWC"}}));
  EXPECT_THAT(reader.sample_shape(), ElementsAre(3, 2, 2));
  const int32_t ids[] = {1};
  const Matrix one = reader.gather(ids);
  EXPECT_EQ(one.cols(), 12);
  EXPECT_FLOAT_EQ(one(0, 0), 60 / 255.f);  // channel 0, first pixel
  EXPECT_FLOAT_EQ(one(0, 1), 75 / 255.f);  // channel 0, second pixel
  EXPECT_FLOAT_EQ(one(0, 4), 65 / 255.f);  // channel 1, first pixel
}

TEST_F(InputsTest, ScaleMeanAndStandardDeviation) {
  write_bytes({4, 3, 2, 2});
  const InputReader reader(
      open({{"kind", "image"}, {"layout", "NCHW"}, {"scale", 0.1}, {"mean", {1, 2, 3}}, {"std", 2}}));
  const int32_t ids[] = {0};
  const Matrix one = reader.gather(ids);
  EXPECT_FLOAT_EQ(one(0, 1), (0.5f - 1) / 2);
  EXPECT_FLOAT_EQ(one(0, 8), (4.0f - 3) / 2);
}

TEST_F(InputsTest, OtherKindsKeepTheirShapeAndValues) {
  write_bytes({4, 12});
  const InputReader reader(open({{"kind", "row"}}));
  EXPECT_THAT(reader.sample_shape(), ElementsAre(12));
  const int32_t ids[] = {0};
  EXPECT_FLOAT_EQ(reader.gather(ids)(0, 2), 10);
  EXPECT_THAT(error_of([&] { reader.pixels(0); }), HasSubstr("expected images"));
}

TEST_F(InputsTest, AGroupMayChangeEveryEpoch) {
  write_bytes({4, 2, 2, 3});
  const dvi::Run run = open({{"kind", "image"}, {"layout", "NHWC"}});
  std::filesystem::create_directories(run.epoch(2).folder() / "inputs");
  const std::vector<float> values(12, 0.25f);
  const int64_t shape[] = {1, 2, 2, 3}, wrong[] = {1, 2, 3, 2};
  const auto file = run.epoch(2).folder() / "inputs/test.npy";
  write_npy(file, DType::f32, shape, values.data());
  const int32_t ids[] = {2, 3};
  EXPECT_FLOAT_EQ(InputReader(run, run.epoch(1)).gather(ids)(1, 0), 180 / 255.f);
  const Matrix both = InputReader(run, run.epoch(2)).gather(ids);
  EXPECT_FLOAT_EQ(both(0, 0), 120 / 255.f);
  EXPECT_FLOAT_EQ(both(1, 0), 0.25f);
  write_npy(file, DType::f32, wrong, values.data());
  EXPECT_THAT(error_of([&] { InputReader(run, run.epoch(2)); }), HasSubstr("test.npy"));
}

TEST_F(InputsTest, ChosenChannelsAreShown) {
  write_bytes({4, 12, 1, 1});  // twelve bands of one pixel, 0, 5, 10, ...
  const auto shown = [&](const Json& channels) {
    return InputReader(open({{"kind", "image"}, {"layout", "NCHW"}, {"channels", channels}}))
        .pixels(0)
        .values;
  };
  EXPECT_THAT(shown({3, 2, 1}), ElementsAre(15, 10, 5));
  EXPECT_THAT(shown(11), ElementsAre(55));
  EXPECT_THAT(shown(nullptr), ElementsAre(0));
  for (const char* wrong : {"[12, 0, 0]", "[1, 2]", "[-1]", "\"red\""})
    EXPECT_THAT(error_of([&] { shown(Json::parse(wrong)); }), HasSubstr("run.json: expected")) << wrong;
}

TEST_F(InputsTest, Pixels) {
  write_bytes({4, 2, 2, 3});
  const auto pixels = InputReader(open({{"kind", "image"}, {"layout", "NHWC"}})).pixels(0);
  EXPECT_EQ(pixels.height, 2);
  EXPECT_EQ(pixels.channels, 3);
  EXPECT_EQ(pixels.values[4], 20);
  const std::vector<float> values(48, -1.f);
  std::vector<float> stretched = values;
  stretched[0] = 1;
  stretched[1] = 0;
  const int64_t shape[] = {4, 12, 1};
  write_npy(folder_ / "run" / "inputs.npy", DType::f32, shape, stretched.data());
  const auto gray = InputReader(open({{"kind", "image"}, {"layout", "NHW"}})).pixels(0);
  EXPECT_EQ(gray.channels, 1);
  EXPECT_EQ(gray.values[0], 255);
  EXPECT_EQ(gray.values[1], 128);
  EXPECT_EQ(gray.values[2], 0);
}

TEST_F(InputsTest, ShapesThatDoNotFit) {
  write_bytes({4, 12});
  EXPECT_THAT(error_of([&] {
                InputReader(open({{"kind", "image"}, {"layout", "NHWC"}}));
              }),
              HasSubstr("expected 4 axes for the layout NHWC"));
  write_bytes({4, 2, 2, 3});
  EXPECT_THAT(error_of([&] {
                InputReader(open({{"kind", "image"}, {"layout", "NHWC"}, {"mean", {1, 2}}}));
              }),
              HasSubstr("each of the 3 channels"));
  write_bytes({3, 16});
  EXPECT_THAT(error_of([&] { open({{"kind", "row"}}); }), HasSubstr("one row for each of the 4 samples"));
}

}  // namespace
}  // namespace dvi
