#include "run/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/sentence.h"
#include "run/inputs.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

class Checker {
 public:
  explicit Checker(CheckReport& report) : report_(report) {}

  /// Runs `step`; what it throws becomes a problem.
  template <typename Step>
  bool attempt(Step step) {
    try {
      step();
      return true;
    } catch (const std::exception& error) {
      report_.problems.push_back(sentence_of(error));
      return false;
    }
  }

  void check_samples(const Run& run) {
    attempt([&] { expect_fittable(run); });
    const auto& inputs = run.manifest().inputs;
    if (run.inputs()) attempt([&] { InputReader reader(run); });
    for (const auto& name : run.column_names()) attempt([&] { run.column(name); });
    attempt([&] { run.texts(); });
    attempt([&] { run.rows(); });
    if (!inputs) return;
    const char* file = inputs->kind == "text"                   ? "texts.txt"
                       : inputs->kind == "row" && !run.inputs() ? "rows.csv"
                                                                : "inputs.npy";
    if (!fs::exists(run.folder() / file))
      note("{}: not there although run.json says inputs of kind \"{}\"; samples are shown without them",
           (run.folder() / file).string(), inputs->kind);
  }

  void check_epoch_folders(const Run& run) {
    report_.epochs = run.epoch_numbers();
    std::error_code missing;
    std::vector<fs::path> others;
    for (const auto& entry : fs::directory_iterator(run.folder() / "epochs", missing)) {
      const auto number = epoch_of_folder(entry.path().filename().string());
      if (!number || !std::binary_search(report_.epochs.begin(), report_.epochs.end(), *number))
        others.push_back(entry.path());
    }
    std::sort(others.begin(), others.end());
    for (const auto& path : others) {
      if (path.filename().string()[0] == '.') continue;
      if (epoch_of_folder(path.filename().string()))
        note("{}: no epoch.json, so this epoch is left out; it is still being written or was cut off",
             path.string());
      else
        note("{}: left out, its name is not an epoch number of six digits", path.string());
    }
    if (report_.epochs.empty()) {
      report_.problems.push_back(fmt::format(
          "{}: expected at least one complete epoch (a folder with epoch.json), found none; record one",
          (run.folder() / "epochs").string()));
      return;
    }
    check_gaps();
  }

  void check_epoch(const Run& run, int number) {
    std::optional<Epoch> epoch;
    if (!attempt([&] { epoch = run.epoch(number); })) return;
    attempt([&] {
      const Matrix features = epoch->features();
      if (number == report_.epochs.back()) note_duplicates(features, *epoch);
    });
    attempt([&] { epoch->logits(); });
    attempt([&] { epoch->training_set(); });
    attempt([&] { check_boundary(*epoch); });
    for (const auto& name : epoch->column_names()) attempt([&] { epoch->column(name); });
    if (run.inputs() && run.manifest().inputs) attempt([&] { InputReader reader(run, *epoch); });
    attempt([&] { check_subject(run, *epoch); });
  }

 private:
  template <typename... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    report_.notes.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  // Sparse epochs are allowed; a step that differs from the usual one may be a recording that failed.
  void check_gaps() {
    const auto& epochs = report_.epochs;
    std::map<int, int> steps;
    for (size_t i = 1; i < epochs.size(); ++i) ++steps[epochs[i] - epochs[i - 1]];
    if (steps.size() < 2) return;
    const int usual = std::max_element(steps.begin(), steps.end(), [](auto& a, auto& b) {
                        return a.second < b.second;
                      })->first;
    for (size_t i = 1; i < epochs.size(); ++i)
      if (const int step = epochs[i] - epochs[i - 1]; step > usual)
        note("epochs: a gap between {} and {}; allowed, but consecutive epochs are {} apart elsewhere",
             epochs[i - 1], epochs[i], usual);
  }

  void note_duplicates(const Matrix& features, const Epoch& epoch) {
    std::unordered_map<std::string_view, int64_t> first;
    first.reserve(static_cast<size_t>(features.rows()));
    int64_t count = 0, sample = -1, of = -1;
    for (int64_t i = 0; i < features.rows(); ++i) {
      const std::string_view row(reinterpret_cast<const char*>(features.row(i)),
                                 static_cast<size_t>(features.cols()) * sizeof(float));
      const auto [known, fresh] = first.emplace(row, i);
      if (fresh) continue;
      if (count++ == 0) sample = i, of = known->second;
    }
    if (count > 0)
      note(
          "{}: {} samples have the features of an earlier one (first sample {}, equal to {}); allowed, they "
          "are drawn at "
          "one place",
          (epoch.folder() / "features.npy").string(), count, sample, of);
  }

  static void check_boundary(const Epoch& epoch) {
    const auto features = epoch.boundary_features();
    const auto file = epoch.folder() / "boundary_inputs.npy";
    if (!fs::exists(file)) return;
    const NpyArray inputs = NpyArray::open(file);
    inputs.expect_dtype({DType::f32});
    if (features && inputs.rows() != features->rows())
      fail("{}: expected one row for each of the {} rows of boundary_features.npy, found shape {}",
           file.string(), features->rows(), shape_text(inputs.shape()));
  }

  static void check_subject(const Run& run, const Epoch& epoch) {
    const auto weight_file = epoch.folder() / "head_weight.npy", bias_file = epoch.folder() / "head_bias.npy";
    const bool arrays = fs::exists(weight_file) || fs::exists(bias_file);
    const bool torchscript = run.manifest().subject == SubjectKind::torchscript;
    if (torchscript && !arrays && !epoch.has("subject.pt"))
      fail(
          "{}: expected subject.pt, as \"subject\" in run.json says, found none; record it, or the head as "
          "head_weight.npy and head_bias.npy",
          epoch.folder().string());
    if (torchscript && !arrays) return;
    const int64_t classes = run.manifest().class_count();
    const NpyArray weight = NpyArray::open(weight_file), bias = NpyArray::open(bias_file);
    weight.expect_dtype({DType::f32});
    weight.expect_shape({classes, run.manifest().feature_dim});
    bias.expect_dtype({DType::f32});
    bias.expect_shape({classes});
    const std::string where = fmt::format("at epoch {}", epoch.number());
    expect_finite(weight.matrix(), weight_file, where);
    expect_finite({bias.as<float>().data(), 1, classes}, bias_file, where);
  }

  CheckReport& report_;
};

}  // namespace

CheckReport check_run(const fs::path& folder) {
  CheckReport report;
  Checker checker(report);
  std::optional<Run> run;
  if (!checker.attempt([&] { run = Run::open(folder); })) return report;
  report.samples = run->manifest().sample_count();
  checker.check_samples(*run);
  checker.check_epoch_folders(*run);
  for (const int number : report.epochs) checker.check_epoch(*run, number);
  return report;
}

void expect_fittable(const Run& run, int k) {
  const Manifest& manifest = run.manifest();
  auto fitted = static_cast<int64_t>(manifest.ids_of_role("train").size());
  const bool has_train = fitted > 0;
  if (!has_train) fitted = manifest.sample_count();
  if (fitted < k + 1)
    fail("{}: expected at least {} samples{} (for {} neighbours each), found {}; record more samples",
         (run.folder() / "run.json").string(), k + 1, has_train ? " of role \"train\"" : "", k, fitted);
  std::set<int32_t> classes(run.labels().begin(), run.labels().end());
  classes.erase(-1);
  if (classes.size() == 1)
    fail(
        "{}: expected labels of at least two classes, found only class {} (\"{}\"); a picture of one class "
        "has no "
        "boundaries, record samples of others too",
        (run.folder() / "labels.npy").string(), *classes.begin(),
        manifest.classes[static_cast<size_t>(*classes.begin())]);
}

}  // namespace dvi
