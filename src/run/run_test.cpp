#include "run/run.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "run/inputs.h"
#include "run/run_writer.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// design.md's smallest useful run.json, as it stands.
const char* const smallest_run_json =
    R"({"format": "dvi-run", "version": 1, "name": "mnist-cnn", "classes": ["0", "1"],
 "feature_dim": 512,
 "groups": [{"name": "train", "role": "train", "begin": 0, "count": 8000},
            {"name": "test", "role": "test", "begin": 8000, "count": 2000}],
 "inputs": {"kind": "image", "layout": "NHWC"}, "subject": {"kind": "torchscript"}})";

TEST(Manifest, AcceptsTheSmallestForm) {
  const Manifest manifest = Manifest::from_json(Json::parse(smallest_run_json), "run.json");
  EXPECT_EQ(manifest.name, "mnist-cnn");
  EXPECT_EQ(manifest.sample_count(), 10000);
  EXPECT_EQ(manifest.feature_dim, 512);
  EXPECT_EQ(manifest.subject, SubjectKind::torchscript);
  EXPECT_EQ(manifest.group_of(7999).name, "train");
  EXPECT_EQ(manifest.group_of(8000).name, "test");
  EXPECT_EQ(manifest.ids_of_role("test").front(), 8000);
  EXPECT_FALSE(manifest.finished);
}

TEST(Manifest, SurvivesWritingAndReading) {
  Json json = Json::parse(smallest_run_json);
  json["version"] = 2;  // the version that is written; 1 is read
  json["inputs"]["scale"] = 0.5;
  json["inputs"]["mean"] = {0.1};
  json["inputs"]["std"] = {0.2};
  json["columns"] = {{"noise", {{"title", "Noise"}}}};
  json["finished"] = true;
  EXPECT_EQ(Manifest::from_json(json, "run.json").to_json(), json);
  json["inputs"] = {{"kind", "series"}, {"layout", "NTC"}};
  EXPECT_EQ(Manifest::from_json(json, "run.json").to_json(), json);
}

struct BadManifest {
  const char* patch;  ///< merged into the smallest form
  const char* says;
};

class BadManifests : public ::testing::TestWithParam<BadManifest> {};

TEST_P(BadManifests, GiveOneSentenceNamingTheFile) {
  Json json = Json::parse(smallest_run_json);
  json.merge_patch(Json::parse(GetParam().patch));
  const std::string message = error_of([&] { Manifest::from_json(json, "some/run.json"); });
  EXPECT_THAT(message, AllOf(HasSubstr("some/run.json"), HasSubstr(GetParam().says)));
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Manifest, BadManifests,
    ::testing::Values(
        BadManifest{R"({"format": "other"})", "\"dvi-run\""}, BadManifest{R"({"version": 3})", "newer dvi"},
        BadManifest{R"({"name": null})", "key \"name\""},
        BadManifest{R"({"classes": ["0"]})", "tells classes apart"},
        BadManifest{R"({"classes": ["0", "0"]})", "used once"},
        BadManifest{R"({"classes": [0, 1]})", "list of texts"},
        BadManifest{R"({"feature_dim": 1})", "from 2 to 4096, found 1"},
        BadManifest{R"({"feature_dim": 4097})", "from 2 to 4096, found 4097"},
        BadManifest{R"({"feature_dim": 18446744073709551615})", "from 2 to 4096"},
        BadManifest{R"({"feature_dim": "512"})", "found \"512\""},
        BadManifest{R"({"groups": []})", "at least one group"},
        BadManifest{R"({"groups": [{"name": "a", "role": "train", "begin": 1, "count": 5}]})", "begin at 0"},
        BadManifest{R"({"groups": [{"name": "a", "role": "train", "begin": 0, "count": 5},
                                   {"name": "a", "role": "test", "begin": 5, "count": 5}]})",
                    "used once"},
        BadManifest{R"({"groups": [{"name": "../a", "role": "train", "begin": 0, "count": 5}]})",
                    "name a file"},
        BadManifest{R"({"groups": [{"name": "a", "role": "train", "begin": 0, "count": 0}]})", "\"count\""},
        BadManifest{R"({"inputs": {"kind": "sound"}})", "\"image\" or \"series\" or \"text\" or \"row\""},
        BadManifest{R"({"inputs": {"layout": "HWC"}})", "\"NHWC\""},
        BadManifest{R"({"inputs": {"std": 0}})", "greater than 0"},
        BadManifest{R"({"subject": {"kind": "keras"}})", "\"torchscript\" or \"linear-head\""},
        BadManifest{R"({"columns": []})", "an object"}, BadManifest{R"({"finished": 1})", "true or false"}));

class RunTest : public ::testing::Test {
 protected:
  dvi::Run make(TestRunOptions options = {}) {
    options.fitted = {};
    return make_test_run(folder_ / "run", options);
  }
  std::string open_error() {
    return error_of([&] { dvi::Run::open(folder_ / "run"); });
  }
  TemporaryFolder folder_;
};

TEST_F(RunTest, ReadsWhatWasWritten) {
  const dvi::Run run = make();
  EXPECT_THAT(run.epoch_numbers(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(run.labels().size(), 300u);
  const Epoch epoch = run.epoch(2);
  const Matrix features = epoch.features();
  EXPECT_EQ(features.rows(), 300);
  EXPECT_EQ(features.cols(), 8);
  const auto row = epoch.feature_row(17);
  EXPECT_TRUE(std::equal(row.begin(), row.end(), features.row(17)));
  EXPECT_TRUE(epoch.scalars().contains("train_accuracy"));
  EXPECT_FALSE(epoch.logits().has_value());
  EXPECT_FALSE(epoch.training_set().has_value());
  EXPECT_EQ(epoch.column("feature_length")->size(), 300u);
  EXPECT_FALSE(epoch.column("absent").has_value());
  EXPECT_FALSE(epoch.column("../epoch").has_value());
  EXPECT_FALSE(run.finished());
}

TEST_F(RunTest, TakesHalfPrecisionFeatures) {
  const dvi::Run run = make();
  std::vector<uint16_t> halves(300 * 8);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = float_to_half(static_cast<float>(i % 100) / 4);
  const int64_t shape[] = {300, 8};
  write_npy(run.epoch(1).folder() / "features.npy", DType::f16, shape, halves.data());
  EXPECT_FLOAT_EQ(run.epoch(1).features()(1, 3), 11 / 4.f);
  EXPECT_FLOAT_EQ(run.epoch(1).feature_row(1)[3], 11 / 4.f);
}

TEST_F(RunTest, AnEpochWithoutItsJsonDoesNotExist) {
  const dvi::Run run = make();
  std::filesystem::remove(run.folder() / "epochs/000003/epoch.json");
  EXPECT_THAT(run.epoch_numbers(), ElementsAre(1, 2, 4));
  EXPECT_THAT(error_of([&] { run.epoch(3); }), HasSubstr("without epoch.json"));
  EXPECT_THAT(error_of([&] { run.epoch(9); }), HasSubstr("nothing of that name"));
}

TEST_F(RunTest, MissingFolderAndFiles) {
  EXPECT_THAT(open_error(), HasSubstr("nothing of that name"));
  std::filesystem::create_directory(folder_ / "run");
  EXPECT_THAT(open_error(), HasSubstr("no run.json"));
  std::filesystem::remove(folder_ / "run");
  const dvi::Run run = make();
  std::filesystem::remove(run.folder() / "labels.npy");
  EXPECT_THAT(open_error(), AllOf(HasSubstr("labels.npy"), HasSubstr("No such file")));
}

TEST_F(RunTest, TruncatedRunJson) {
  make();
  std::ofstream(folder_ / "run" / "run.json") << "{\"format\": \"dvi-run\",";
  EXPECT_THAT(open_error(), AllOf(HasSubstr("run.json"), HasSubstr("expected JSON")));
}

TEST_F(RunTest, TruncatedFeatures) {
  const dvi::Run run = make();
  const auto file = run.epoch(2).folder() / "features.npy";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 100);
  EXPECT_THAT(error_of([&] { run.epoch(2).features(); }),
              AllOf(HasSubstr("000002/features.npy"), HasSubstr("cut off")));
}

TEST_F(RunTest, WrongDtypeAndShape) {
  const dvi::Run run = make();
  const auto file = run.epoch(1).folder() / "features.npy";
  const std::vector<double> doubles(300 * 8, 0.5);
  const int64_t shape[] = {300, 8}, other[] = {299, 8};
  write_npy(file, DType::f64, shape, doubles.data());
  EXPECT_THAT(error_of([&] { run.epoch(1).features(); }),
              AllOf(HasSubstr("expected float32 or float16"), HasSubstr("found float64")));
  write_npy(file, Matrix(299, 8));
  EXPECT_THAT(error_of([&] { run.epoch(1).features(); }),
              AllOf(HasSubstr("(300, 8)"), HasSubstr("(299, 8)")));
  write_npy(run.folder() / "labels.npy", DType::f64, std::span(other, 1), doubles.data());
  EXPECT_THAT(open_error(), HasSubstr("expected int32 or int64"));
}

TEST_F(RunTest, WrongByteOrder) {
  const dvi::Run run = make();
  const auto file = run.folder() / "labels.npy";
  std::string bytes = read_file(file);
  bytes[bytes.find("<i4")] = '>';
  write_file_atomically(file, bytes);
  EXPECT_THAT(open_error(), AllOf(HasSubstr("labels.npy"), HasSubstr("big-endian")));
}

TEST_F(RunTest, NanAndInfinityNameSampleAndEpoch) {
  const dvi::Run run = make();
  Matrix features = run.epoch(3).features();
  const auto file = run.epoch(3).folder() / "features.npy";
  features(200, 5) = std::numeric_limits<float>::quiet_NaN();
  features(250, 0) = std::numeric_limits<float>::infinity();
  write_npy(file, features);
  EXPECT_THAT(error_of([&] { run.epoch(3).features(); }), HasSubstr("found nan for sample 200 at epoch 3"));
  features(41, 7) = -std::numeric_limits<float>::infinity();
  write_npy(file, features);
  EXPECT_THAT(error_of([&] { run.epoch(3).features(); }),
              HasSubstr("found infinity for sample 41 at epoch 3"));
}

TEST_F(RunTest, LabelsOutOfRange) {
  const dvi::Run run = make();
  auto labels = run.labels();
  labels[7] = -1;
  write_npy(run.folder() / "labels.npy", labels);
  EXPECT_EQ(open_error(), "");
  labels[9] = 3;
  write_npy(run.folder() / "labels.npy", labels);
  EXPECT_THAT(open_error(), AllOf(HasSubstr("from 0 to 2"), HasSubstr("found 3 for sample 9")));
}

TEST_F(RunTest, EpochNumberDiffersFromItsFolder) {
  const dvi::Run run = make();
  write_json(run.folder() / "epochs/000002/epoch.json", {{"epoch", 5}});
  EXPECT_THAT(error_of([&] { run.epoch(2); }), HasSubstr("expected \"epoch\": 2"));
}

TEST_F(RunTest, TrainingSetIdsAreChecked) {
  const dvi::Run run = make();
  const auto file = run.epoch(1).folder() / "training_set.npy";
  write_npy(file, std::vector<int32_t>{0, 5, 299});
  EXPECT_THAT(*run.epoch(1).training_set(), ElementsAre(0, 5, 299));
  write_npy(file, std::vector<int32_t>{0, 300});
  EXPECT_THAT(error_of([&] { run.epoch(1).training_set(); }), HasSubstr("found 300"));
}

TEST_F(RunTest, TextsAndRowsHaveOneLineASample) {
  TestRunOptions options;
  options.train = 20, options.test = 2, options.images = false;
  const dvi::Run run = make(options);
  EXPECT_TRUE(run.texts().empty());
  EXPECT_TRUE(run.rows().empty());
  std::string texts, rows = "name,\"a, quoted\"\r\n";
  for (int i = 0; i < 22; ++i) {
    texts += i == 3 ? "\r\n" : "line " + std::to_string(i) + "\n";
    rows += i == 4 ? "\"two\nlines\",\"a \"\"b\"\"\"\n" : std::to_string(i) + ",\n";
  }
  write_file_atomically(run.folder() / "texts.txt", texts);
  write_file_atomically(run.folder() / "rows.csv", rows);
  EXPECT_EQ(run.texts().size(), 22u);
  EXPECT_EQ(run.texts()[3], "");
  EXPECT_EQ(run.texts()[21], "line 21");
  EXPECT_THAT(run.rows()[0], ElementsAre("name", "a, quoted"));
  EXPECT_THAT(run.rows()[5], ElementsAre("two\nlines", "a \"b\""));
  EXPECT_THAT(run.rows()[22], ElementsAre("21", ""));
  write_file_atomically(run.folder() / "texts.txt", texts + "one more\n");
  EXPECT_THAT(error_of([&] { run.texts(); }), AllOf(HasSubstr("22 lines"), HasSubstr("found 23")));
  write_file_atomically(run.folder() / "rows.csv", rows + "\"open");
  EXPECT_THAT(error_of([&] { run.rows(); }), HasSubstr("quote"));
}

TEST(PlainName, NamesAFileInItsFolderOnly) {
  for (const char* good : {"default", "is_noisy", "a b", "ä"}) EXPECT_TRUE(is_plain_name(good)) << good;
  for (const char* bad : {"", ".", "..", ".hidden", "a/b", "a\\b", "/etc", "a\nb"})
    EXPECT_FALSE(is_plain_name(bad)) << bad;
}

}  // namespace
}  // namespace dvi
