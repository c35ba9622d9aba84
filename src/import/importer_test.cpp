#include "import/importer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <sys/stat.h>

#include <cmath>
#include <functional>

#include "core/file.h"
#include "core/random.h"
#include "import/head.h"
#include "import/testing/torch_writer.h"
#include "run/check.h"
#include "run/run.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What both layouts hold: 12 samples of 3 classes, features of 5 dimensions made into logits by a head that
// changes each epoch.
constexpr int64_t pool = 8, tested = 4, samples = pool + tested, dim = 5, classes = 3;

class ImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("dvi-import-{}-{}", ::getpid(), next_++);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path source() const { return folder_ / "source"; }
  fs::path run() const { return folder_ / "run"; }
  static fs::path made(const fs::path& file) {
    fs::create_directories(file.parent_path());
    return file;
  }
  static void text(const fs::path& file, const std::string& content) {
    write_file_atomically(made(file), content);
  }

  static Matrix features(int epoch) {
    Random random(7, static_cast<uint64_t>(epoch));
    Matrix m(samples, dim);
    for (int64_t i = 0; i < samples * dim; ++i) m.data()[i] = static_cast<float>(random.normal());
    return m;
  }
  static ImportedHead head(int epoch) {
    Random random(8, static_cast<uint64_t>(epoch));
    ImportedHead h{Matrix(classes, dim), std::vector<float>(classes), ""};
    for (int64_t i = 0; i < classes * dim; ++i) h.weight.data()[i] = static_cast<float>(random.normal());
    for (float& b : h.bias) b = static_cast<float>(random.normal());
    return h;
  }
  static int32_t label(int64_t i) { return static_cast<int32_t>(i % classes); }
  static std::vector<float> values(MatrixView m) { return {m.data, m.data + m.rows * m.cols}; }

  static std::string state_dict(int epoch) {
    const ImportedHead h = head(epoch);
    return testing::torch_bytes(
        {{"body.weight", testing::tensor<float>("FloatStorage", {2, 2}, {1, 2, 3, 4})},
         {"prediction.weight", testing::tensor<float>("FloatStorage", {classes, dim}, values(h.weight))},
         {"prediction.bias", testing::tensor<float>("FloatStorage", {classes}, h.bias)}});
  }

  /// Exactly the folders and files of DVI v1, with everything that is optional.
  void make_v1() const {
    const auto part = [&](const std::string& where, const std::string& stem, int64_t begin, int64_t count) {
      std::vector<float> images;
      std::vector<int64_t> labels;
      for (int64_t i = begin; i < begin + count; ++i) {
        labels.push_back(label(i));
        for (int p = 0; p < 12; ++p) images.push_back(static_cast<float>(i) + static_cast<float>(p) / 12.f);
      }
      text(source() / where / (stem + "_data.pth"),
           testing::torch_bytes(testing::tensor<float>("FloatStorage", {count, 1, 3, 4}, images)));
      text(source() / where / (stem + "_label.pth"),
           testing::torch_bytes(testing::tensor<int64_t>("LongStorage", {count}, labels)));
    };
    part("Training_data", "training_dataset", 0, pool);
    part("Testing_data", "testing_dataset", pool, tested);
    text(source() / "index.json", "[1, 5]");
    text(source() / "old_labels.json", "[2, 0]");
    text(source() / "Model" / "model.py", "class Net: pass\n");
    for (const int epoch : {1, 3}) {
      const fs::path at = source() / "Model" / fmt::format("Epoch_{}", epoch);
      const Matrix f = features(epoch);
      write_npy(made(at / "train_data.npy"), f.view().slice(0, pool));
      write_npy(at / "test_data.npy", f.view().slice(pool, tested));
      text(at / "subject_model.pth", state_dict(epoch));
      text(at / "index.json", "[4, 0, 2]");
      text(at / "test_index.json", "[0, 1]");
      write_npy(at / "border_centers.npy", f.view().slice(0, 2));
      write_npy(at / "test_border_centers.npy", f.view().slice(2, 1));
      const std::vector<float> images(24, 0.5f);
      const int64_t shape[] = {2, 1, 3, 4};
      write_npy<float>(at / "ori_border_centers.npy", shape, images);
      text(at / "train_uncertainty_score.json", "[0, 1, 2, 3, 4, 5, 6, 7]");
      text(at / "test_uncertainty_score.json", "[8, 9, 10, 11]");
      text(at / "train_dis_score.json", R"({"2": 0.5})");
    }
  }

  // Test samples are 0, 3, 6 and 9 of the source; sample 11 is in neither list.
  static constexpr int order[] = {10, 1, 2, 4, 5, 7, 8, 0, 3, 6, 9, 11};

  /// Exactly the folders and files of time-travelling-visualizer; features and logits are in the source's
  /// order.
  void make_ttv() const {
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < samples; ++i) labels.push_back(label(i));
    write_npy(made(source() / "dataset" / "labels.npy"), labels);
    text(source() / "dataset" / "info.json", R"({"classes": ["cat", "dog", "owl"], "model": "Net"})");
    text(source() / "dataset" / "index.json", R"({"train": [10, 1, 2, 4, 5, 7, 8], "test": [0, 3, 6, 9]})");
    text(source() / "scripts" / "model.py", "class Net: pass\n");
    for (int i = 0; i < samples; ++i) write_image(i, PNG_FORMAT_RGB);
    for (const int epoch : {2, 10, 100}) {
      const fs::path at = source() / "epochs" / fmt::format("epoch_{}", epoch);
      const Matrix f = features(epoch);
      write_npy(made(at / "embeddings.npy"), f);
      write_npy(at / "predictions.npy", apply_head(head(epoch), f));
      text(at / "model.pth", state_dict(epoch));
    }
  }
  static std::vector<uint8_t> pixels(int i, int channels) {
    std::vector<uint8_t> result;
    for (int p = 0; p < 6 * channels; ++p) result.push_back(static_cast<uint8_t>(10 * i + p));
    return result;
  }
  void write_image(int i, uint32_t format) const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = 3;
    image.height = 2;
    image.format = format;
    const fs::path file = made(source() / "dataset" / "image" / fmt::format("{}.png", i));
    const auto data = pixels(i, format == PNG_FORMAT_RGB ? 3 : 1);
    ASSERT_TRUE(png_image_write_to_file(&image, file.c_str(), 0, data.data(), 0, nullptr));
  }

  std::string complaint() const {
    try {
      import_run(source(), run());
    } catch (const Error& error) {
      EXPECT_FALSE(fs::exists(run()));
      for (const auto& entry : fs::directory_iterator(source().parent_path()))
        EXPECT_EQ(entry.path(), source());  // nothing left behind
      return error.what();
    }
    return "no complaint";
  }
  static std::vector<std::string> with(const std::vector<std::string>& lines, const std::string& words) {
    std::vector<std::string> found;
    for (const auto& line : lines)
      if (line.find(words) != std::string::npos) found.push_back(line);
    return found;
  }
  void expect_sound() const {
    const CheckReport report = check_run(run());
    // Too few samples to fit is all that is wrong with what these small sources give.
    EXPECT_THAT(report.problems, ElementsAre(HasSubstr("expected at least 16 samples of role \"train\"")));
  }

 private:
  fs::path folder_;
  static inline int next_ = 0;
};

TEST_F(ImportTest, V1IsTakenWhole) {
  make_v1();
  const ImportReport report = import_run(source(), run());
  expect_sound();
  EXPECT_EQ(report.layout, "v1");
  EXPECT_THAT(report.epochs, ElementsAre(1, 3));
  EXPECT_TRUE(report.solved.empty());

  const dvi::Run r = dvi::Run::open(run());
  const Manifest& m = r.manifest();
  EXPECT_EQ(m.name, "source");
  EXPECT_THAT(m.classes, ElementsAre("0", "1", "2"));
  EXPECT_EQ(m.subject, SubjectKind::linear_head);
  EXPECT_TRUE(m.finished);
  ASSERT_EQ(m.groups.size(), 2u);
  EXPECT_EQ(m.groups[1].role, "test");
  EXPECT_EQ(m.groups[1].begin, pool);
  ASSERT_TRUE(m.inputs);
  EXPECT_EQ(m.inputs->layout, "NCHW");
  for (int64_t i = 0; i < samples; ++i) EXPECT_EQ(r.labels()[static_cast<size_t>(i)], label(i));
  ASSERT_TRUE(r.inputs());
  EXPECT_THAT(r.inputs()->shape(), ElementsAre(samples, 1, 3, 4));
  EXPECT_FLOAT_EQ(r.inputs()->as<float>()[9 * 12 + 6], 9.5f);
  auto original = std::vector<float>{0, 2, 2, 0, 1, 0, 0, 1, 2, 0, 1, 2};
  EXPECT_EQ(r.column("original_label"), original);
  EXPECT_EQ(r.column("is_noisy"), (std::vector<float>{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}));

  const Epoch epoch = r.epoch(3);
  EXPECT_EQ(values(epoch.features()), values(features(3)));
  EXPECT_EQ(values(NpyArray::open(epoch.folder() / "head_weight.npy").matrix()), values(head(3).weight));
  EXPECT_EQ(NpyArray::open(epoch.folder() / "head_bias.npy").to_floats(), head(3).bias);
  EXPECT_EQ(epoch.training_set(), (std::vector<int32_t>{4, 0, 2}));
  EXPECT_EQ(values(*epoch.boundary_features()), values(features(3).view().slice(0, 2)));
  EXPECT_THAT(NpyArray::open(epoch.folder() / "boundary_inputs.npy").shape(), ElementsAre(2, 1, 3, 4));
  EXPECT_EQ(epoch.column("uncertainty_score"), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  const auto distance = *epoch.column("dis_score");
  EXPECT_EQ(distance[2], 0.5f);
  EXPECT_TRUE(std::isnan(distance[0]) && std::isnan(distance[11]));
  EXPECT_TRUE(epoch.scalars().contains("train_accuracy"));

  EXPECT_EQ(read_file(run() / "imported" / "Model" / "Epoch_3" / "subject_model.pth"), state_dict(3));
  EXPECT_EQ(read_file(run() / "imported" / "Model" / "model.py"), "class Net: pass\n");
  EXPECT_TRUE(fs::exists(run() / "imported" / "Model" / "Epoch_1" / "test_border_centers.npy"));
  EXPECT_EQ(read_file(run() / "imported" / "Model" / "Epoch_1" / "test_index.json"), "[0, 1]");
  EXPECT_THAT(report.taken, Contains("head from prediction.weight of the state dict (all 2 epochs)"));
  EXPECT_THAT(report.kept, Contains("test_border_centers.npy (all 2 epochs)"));
  EXPECT_EQ(with(report.missing, "names of the 3 classes").size(), 1u);
  EXPECT_THAT(report.to_text(), HasSubstr("  taken: training set (all 2 epochs)\n"));
}

TEST_F(ImportTest, V1WithTheLeastThatSuffices) {
  make_v1();
  fs::remove(source() / "index.json");
  fs::remove(source() / "Model" / "model.py");
  fs::remove(source() / "Training_data" / "training_dataset_data.pth");
  for (const int epoch : {1, 3})
    for (const char* file : {"index.json", "test_index.json", "border_centers.npy", "test_border_centers.npy",
                             "ori_border_centers.npy", "train_uncertainty_score.json",
                             "test_uncertainty_score.json", "train_dis_score.json"})
      fs::remove(source() / "Model" / fmt::format("Epoch_{}", epoch) / file);
  fs::remove(source() / "Model" / "Epoch_1" / "subject_model.pth");
  fs::create_directory(source() / "Model" / "Epoch_old");
  const ImportReport report = import_run(source(), run());
  expect_sound();
  EXPECT_THAT(report.epochs, ElementsAre(3));  // of epoch 1 there is neither head nor logits
  EXPECT_EQ(with(report.missing, "the head, without which the epoch is left out (no state dict").size(), 1u);
  EXPECT_EQ(with(report.missing, "(epoch 1)").size(), 1u);
  EXPECT_EQ(with(report.missing, "samples cannot be shown").size(), 1u);
  EXPECT_FALSE(dvi::Run::open(run()).manifest().inputs);
}

TEST_F(ImportTest, TtvIsTakenWholeTrainingSamplesFirst) {
  make_ttv();
  const ImportReport report = import_run(source(), run());
  expect_sound();
  EXPECT_EQ(report.layout, "ttv");
  EXPECT_THAT(report.epochs, ElementsAre(2, 10, 100));
  EXPECT_TRUE(report.solved.empty());
  const dvi::Run r = dvi::Run::open(run());
  const Manifest& m = r.manifest();
  EXPECT_THAT(m.classes, ElementsAre("cat", "dog", "owl"));
  ASSERT_EQ(m.groups.size(), 3u);
  EXPECT_EQ(m.groups[0].count, 7);
  EXPECT_EQ(m.groups[1].role, "test");
  EXPECT_EQ(m.groups[2].name, "other");
  EXPECT_EQ(m.inputs->layout, "NHWC");
  const Epoch epoch = r.epoch(10);
  const RecordedRows f = epoch.features(), source_f = features(10), logits = *epoch.logits();
  const Matrix source_logits = apply_head(head(10), source_f);
  const auto column = r.column("source_index");
  const auto inputs = r.inputs()->as<uint8_t>();
  for (int64_t i = 0; i < samples; ++i) {
    const int from = order[i];
    EXPECT_EQ(column[static_cast<size_t>(i)], static_cast<float>(from));
    EXPECT_EQ(r.labels()[static_cast<size_t>(i)], label(from));
    for (int64_t j = 0; j < dim; ++j) EXPECT_EQ(f(i, j), source_f(from, j));
    for (int64_t j = 0; j < classes; ++j) EXPECT_EQ(logits(i, j), source_logits(from, j));
    const auto image = pixels(from, 3);
    EXPECT_TRUE(std::equal(image.begin(), image.end(), inputs.begin() + i * 18));
  }
  EXPECT_EQ(values(NpyArray::open(epoch.folder() / "head_weight.npy").matrix()), values(head(10).weight));
  EXPECT_THAT(report.taken,
              Contains("head from prediction.weight, which makes the recorded logits (all 3 epochs)"));
  EXPECT_EQ(read_file(run() / "imported" / "epochs" / "epoch_100" / "model.pth"), state_dict(100));
  EXPECT_TRUE(fs::exists(run() / "imported" / "dataset" / "info.json"));
}

TEST_F(ImportTest, TtvHeadsAreSolvedWhereTheStateDictDoesNotMakeTheLogits) {
  make_ttv();
  text(source() / "epochs" / "epoch_2" / "model.pth", state_dict(55));     // another epoch's
  text(source() / "epochs" / "epoch_10" / "model.pth", "not a zip file");  // unreadable
  fs::remove(source() / "epochs" / "epoch_100" / "model.pth");
  const ImportReport report = import_run(source(), run());
  expect_sound();
  EXPECT_EQ(with(report.solved, "(prediction.weight does not make the recorded logits) (epoch 2)").size(),
            1u);
  EXPECT_EQ(with(report.solved, "expected a zip archive").size(), 1u);
  EXPECT_EQ(with(report.solved, "(no state dict) (epoch 100)").size(), 1u);
  EXPECT_EQ(with(report.solved, "off by at most").size(), 1u);
  for (const int epoch : {2, 10, 100}) {
    const Epoch e = dvi::Run::open(run()).epoch(epoch);
    const auto weight = NpyArray::open(e.folder() / "head_weight.npy").to_floats();
    for (size_t i = 0; i < weight.size(); ++i) EXPECT_NEAR(weight[i], values(head(epoch).weight)[i], 1e-4);
    EXPECT_LT(e.scalars()["head_residual"].get<double>(), 1e-4);
  }
}

TEST_F(ImportTest, TtvTexts) {
  make_ttv();
  fs::remove_all(source() / "dataset" / "image");
  std::string lines;
  for (int i = 0; i < samples; ++i) lines += fmt::format("line {}\n", i);
  text(source() / "dataset" / "text.txt", lines);
  import_run(source(), run());
  expect_sound();
  const dvi::Run r = dvi::Run::open(run());
  EXPECT_EQ(r.manifest().inputs->kind, "text");
  EXPECT_EQ(r.texts()[0], "line 10");
  EXPECT_EQ(r.texts()[11], "line 11");
}

TEST_F(ImportTest, TtvImagesThatDifferOrLackAreLeftOutAndReported) {
  make_ttv();
  for (int i = 0; i < samples; ++i) write_image(i, PNG_FORMAT_GRAY);
  EXPECT_EQ(with(import_run(source(), run()).taken, "images (12, 2, 3)").size(), 1u);
  EXPECT_EQ(dvi::Run::open(run()).manifest().inputs->layout, "NHW");
  fs::remove_all(run());
  fs::remove(source() / "dataset" / "image" / "4.png");
  EXPECT_EQ(with(import_run(source(), run()).missing, "dataset/image/4.png is not there").size(), 1u);
  expect_sound();
}

TEST_F(ImportTest, BadSourcesGiveOneSentenceAndLeaveNothing) {
  EXPECT_THAT(complaint(), HasSubstr("nothing of that name"));
  fs::create_directories(source());
  EXPECT_THAT(complaint(), HasSubstr("expected Training_data and Model (DVI) or dataset and epochs"));

  make_v1();
  const fs::path epoch = source() / "Model" / "Epoch_3";
  const auto spoiled = [&](const fs::path& file, const std::string& content) {
    const std::string before = read_file(file);
    text(file, content);
    const std::string found = complaint();
    text(file, before);
    return found;
  };
  EXPECT_THAT(spoiled(epoch / "index.json", "[8]"),
              HasSubstr("Epoch_3/index.json: expected whole numbers from 0 to 7, found 8"));
  EXPECT_THAT(spoiled(epoch / "index.json", "[1"), HasSubstr("index.json"));
  EXPECT_THAT(spoiled(epoch / "train_data.npy", "x"), HasSubstr("train_data.npy"));
  EXPECT_THAT(spoiled(epoch / "train_uncertainty_score.json", "[1]"),
              HasSubstr("expected 8 numbers, one a sample, found 1"));
  EXPECT_THAT(spoiled(source() / "old_labels.json", "[1]"),
              HasSubstr("expected one label for each of the 2 ids"));
  EXPECT_THAT(spoiled(source() / "Training_data" / "training_dataset_label.pth", "x"),
              HasSubstr("expected a zip archive"));
  Matrix broken(pool, dim);
  broken(3, 2) = std::nanf("");
  write_npy(epoch / "train_data.npy", broken.view());
  EXPECT_THAT(complaint(), HasSubstr("expected finite numbers, found nan in row 3"));
  fs::remove(epoch / "train_data.npy");
  fs::remove_all(source() / "Model" / "Epoch_1");
  EXPECT_THAT(complaint(),
              HasSubstr("expected recorded epochs, Epoch_N/train_data.npy (or another word and a number), "
                        "found none: train_data.npy, without which the epoch is left out"));

  fs::remove_all(source());
  make_ttv();
  EXPECT_THAT(spoiled(source() / "dataset" / "index.json", R"({"train": [1, 1], "test": []})"),
              HasSubstr("found 1 twice"));
  EXPECT_THAT(spoiled(source() / "dataset" / "index.json", R"({"train": [12], "test": []})"),
              HasSubstr("from 0 to 11, found 12"));
  EXPECT_THAT(spoiled(source() / "dataset" / "info.json", R"({"classes": ["a", "b"]})"),
              HasSubstr("found 2 for sample 2"));
  EXPECT_THAT(spoiled(source() / "dataset" / "image" / "3.png", "x"),
              HasSubstr("3.png: expected a PNG image"));
}

TEST_F(ImportTest, ConfigNamesClassesAndFoldersOfEpochs) {
  for (const char* config :
       {R"({"DVI": {"CLASSES": ["cat", "dog", "owl"], "EPOCH_NAME": "Iteration"}})",
        R"({"CLASSES": ["cat", "dog", "owl"], "EPOCH_NAME": "Iteration"})",
        R"({"CLASSES": ["cat", "dog", "owl"]})", R"({"EPOCH_NAME": "Iteration"})", "{", "[1]"}) {
    make_v1();
    for (const int epoch : {1, 3})
      fs::rename(source() / "Model" / fmt::format("Epoch_{}", epoch),
                 source() / "Model" / fmt::format("Iteration_{}", epoch));
    text(source() / "config.json", config);
    const ImportReport report = import_run(source(), run());
    EXPECT_THAT(report.epochs, ElementsAre(1, 3)) << config;
    const bool named = std::string(config).find("owl") != std::string::npos;
    const auto found = dvi::Run::open(run()).manifest().classes;
    if (named)
      EXPECT_THAT(found, ElementsAre("cat", "dog", "owl")) << config;
    else
      EXPECT_THAT(found, ElementsAre("0", "1", "2")) << config;
    EXPECT_EQ(read_file(run() / "imported" / "config.json"), config);
    fs::remove_all(source());
    fs::remove_all(run());
  }
}

TEST_F(ImportTest, NamesThatDoNotFitAreNotTaken) {
  for (const char* names : {R"(["cat", "dog"])", R"(["cat", "dog", "dog"])", R"(["cat", "", "dog"])"}) {
    make_v1();
    text(source() / "config.json", fmt::format(R"({{"CLASSES": {}}})", names));
    const ImportReport report = import_run(source(), run());
    EXPECT_THAT(dvi::Run::open(run()).manifest().classes, ElementsAre("0", "1", "2"));
    EXPECT_THAT(report.missing, Contains(HasSubstr("names of the 3 classes (")));
    fs::remove_all(source());
    fs::remove_all(run());
  }
}

TEST_F(ImportTest, ASourceWithoutTestSetOrWithUnfinishedEpochs) {
  make_v1();
  fs::remove_all(source() / "Testing_data");
  fs::remove(source() / "Model" / "Epoch_1" / "train_data.npy");
  const ImportReport report = import_run(source(), run());
  const dvi::Run imported = dvi::Run::open(run());
  EXPECT_EQ(imported.manifest().sample_count(), pool);
  EXPECT_THAT(imported.epoch_numbers(), ElementsAre(3));
  EXPECT_EQ(imported.inputs()->rows(), pool);
  EXPECT_THAT(report.missing, Contains(HasSubstr("there are training samples only")));
  EXPECT_THAT(report.missing,
              Contains(HasSubstr("train_data.npy, without which the epoch is left out (epoch 1)")));
}

// Whatever a source's links say, nothing is written outside the run and nothing outside the source is read.
TEST_F(ImportTest, LinksLeadNowhereElse) {
  const fs::path outside = source().parent_path().string() + "-outside";
  text(outside / "secret.json", "[0]");
  std::vector<std::string> places = {"Model/model.py",
                                     "Model/Epoch_1/test_index.json",
                                     "Model/Epoch_1/subject_model.pth",
                                     "Model/Epoch_1",
                                     "Model",
                                     "Training_data/training_dataset_label.pth",
                                     "index.json"};
  for (const std::string& place : places) {
    for (const bool absolute : {false, true}) {
      fs::remove_all(source());
      make_v1();
      const fs::path link = source() / place, moved = outside / "moved";
      fs::remove_all(moved);
      if (fs::exists(link))
        fs::rename(link, moved);
      else
        text(moved, "x");
      fs::create_symlink(absolute ? moved : fs::relative(moved, link.parent_path()), link);
      EXPECT_THAT(complaint(), HasSubstr("found a link that leads to")) << place;
      EXPECT_FALSE(fs::exists(run())) << place;
    }
  }
  // Inside the source links are followed, and what they name keeps its place.
  fs::remove_all(source());
  make_v1();
  text(source() / "elsewhere" / "model.py", "y = 2");
  fs::remove(source() / "Model" / "model.py");
  fs::create_symlink("../elsewhere/model.py", source() / "Model" / "model.py");
  import_run(source(), run());
  EXPECT_EQ(read_file(run() / "imported" / "Model" / "model.py"), "y = 2");
  EXPECT_FALSE(fs::is_symlink(run() / "imported" / "Model" / "model.py"));
  EXPECT_FALSE(fs::exists(run() / "imported" / "elsewhere"));
  fs::remove_all(outside);
}

TEST_F(ImportTest, PipesAndDevicesAreRefused) {
  for (const char* place :
       {"Model/model.py", "Model/Epoch_1/index.json", "Model/Epoch_1/train_data.npy", "old_labels.json"}) {
    fs::remove_all(source());
    make_v1();
    fs::remove(source() / place);
    ASSERT_EQ(mkfifo((source() / place).c_str(), 0600), 0);
    EXPECT_THAT(complaint(), HasSubstr("found a pipe")) << place;
  }
}

TEST_F(ImportTest, TwoFoldersOfOneEpochAreRefused) {
  make_v1();
  fs::copy(source() / "Model" / "Epoch_1", source() / "Model" / "Epoch_01", fs::copy_options::recursive);
  EXPECT_THAT(complaint(), HasSubstr("expected one folder of epoch 1, found Epoch_01 and Epoch_1"));
  fs::remove_all(source() / "Model" / "Epoch_1");
  EXPECT_THAT(import_run(source(), run()).epochs, Contains(1));  // from Epoch_01
}

TEST_F(ImportTest, WorkIsInProportionToTheSource) {
  make_ttv();
  fs::remove(source() / "dataset" / "info.json");
  std::vector<int64_t> labels(samples, 0);
  labels[3] = (int64_t{1} << 31) - 2;
  write_npy(source() / "dataset" / "labels.npy", labels);
  EXPECT_THAT(complaint(), HasSubstr("expected class numbers from 0 to 65534, found 2147483646"));
  labels[3] = int64_t{1} << 31;
  write_npy(source() / "dataset" / "labels.npy", labels);
  EXPECT_THAT(complaint(), HasSubstr("labels.npy: expected whole numbers of 32 bits"));
  labels[3] = 0;
  write_npy(source() / "dataset" / "labels.npy", labels);
  // A black picture in a file of a few kilobytes.
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = 4097;
  image.format = PNG_FORMAT_GRAY;
  const std::vector<uint8_t> black(size_t{4097} * 4097);
  const auto file = source() / "dataset" / "image" / "0.png";
  ASSERT_TRUE(png_image_write_to_file(&image, file.c_str(), 0, black.data(), 0, nullptr));
  EXPECT_THAT(complaint(), HasSubstr("expected an image of at most 16 million pixels, found 4097 x 4097"));
}

TEST_F(ImportTest, WhatAKilledImportLeftIsRemoved) {
  make_v1();
  text(source().parent_path() / ".run.unfinished" / "epochs" / "000001" / "features.npy", "x");
  text(source().parent_path() / ".other.unfinished" / "big.npy", "x");
  import_run(source(), run());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(source().parent_path()))
    names.push_back(entry.path().filename());
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("source", "run"));
}

TEST_F(ImportTest, AnExistingRunIsLeftAlone) {
  make_v1();
  text(run() / "mine.txt", "mine");
  EXPECT_THROW(import_run(source(), run()), Error);
  EXPECT_EQ(read_file(run() / "mine.txt"), "mine");
  fs::remove(run() / "mine.txt");
  import_run(source(), run() / "");  // empty, and named with a slash at the end
  expect_sound();
}

}  // namespace
}  // namespace dvi
