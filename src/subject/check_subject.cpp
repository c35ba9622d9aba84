#include "subject/check_subject.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "run/epoch_names.h"
#include "run/inputs.h"
#include "subject/logits.h"
#include "subject/subject_model.h"

namespace dvi {
namespace {

// A difference of probabilities that bfloat16 arithmetic explains, and one that float32 does not.
constexpr double tolerated = 0.05, worth_a_note = 0.01;
constexpr int64_t rows_compared = 64;

/// Rows spread evenly over all samples.
std::vector<int32_t> some_rows(int64_t samples) {
  const int64_t count = std::min(samples, rows_compared);
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < count; ++i) rows.push_back(static_cast<int32_t>(i * samples / count));
  return rows;
}

class SubjectChecker {
 public:
  SubjectChecker(const Run& run, const Epoch& epoch, CheckReport& report)
      : run_(run), epoch_(epoch), report_(report) {}

  void check() {
    const auto subject = open_subject(run_, epoch_);
    const Matrix features = epoch_.features();
    const auto recorded = epoch_.logits();
    if (recorded) {
      Matrix made(features.rows(), run_.manifest().class_count());
      subject->head(features, made.mut());
      judge_difference(
          compare_logits(made, *recorded), [](int64_t row) { return row; },
          "the head makes other logits of the features than logits.npy holds");
    }
    if (subject->has_features() && run_.inputs() && run_.manifest().inputs)
      check_inputs(*subject, features, recorded);
    if (recorded)
      check_accuracies(*recorded);
    else
      check_accuracies(epoch_logits(epoch_, features, *subject));
  }

 private:
  template <typename... Args>
  void problem(fmt::format_string<Args...> format, Args&&... args) {
    report_.problems.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    report_.notes.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  template <typename SampleOf>
  void judge_difference(const LogitDifference& found, SampleOf sample_of, const std::string& what) {
    if (found.largest <= worth_a_note) return;
    const std::string sentence = fmt::format(
        "{}: epoch {}: {}: {:.3g} % of the samples are predicted as another class, and the probabilities of "
        "sample {} "
        "are off by {:.2g}",
        epoch_.folder().string(), epoch_name(epoch_), what, 100 * found.other_predictions,
        sample_of(found.row), found.largest);
    // A head that an importer solved for is known to be one only nearly.
    if (epoch_.scalars().contains("head_residual"))
      note("{}; it was solved by least squares (head_residual)", sentence);
    else if (found.largest <= tolerated)
      note("{}; half precision can do that", sentence);
    else
      problem("{}; record the epoch again with the model's own outputs", sentence);
  }

  void check_inputs(SubjectModel& subject, const Matrix& features,
                    const std::optional<RecordedRows>& recorded) {
    const InputReader reader(run_, epoch_);
    const std::vector<int32_t> rows = some_rows(features.rows());
    Matrix again(static_cast<int64_t>(rows.size()), features.cols());
    subject.features(reader.gather(rows), reader.sample_shape(), again.mut());
    const int64_t classes = run_.manifest().class_count();
    Matrix made(again.rows(), classes), wanted(again.rows(), classes), kept(again.rows(), features.cols());
    subject.head(again, made.mut());
    for (int64_t i = 0; i < again.rows(); ++i) {
      const int32_t sample = rows[static_cast<size_t>(i)];
      std::copy_n(features.row(sample), features.cols(), kept.row(i));
      if (recorded) std::copy_n(recorded->row(sample), classes, wanted.row(i));
    }
    if (!recorded) subject.head(kept, wanted.mut());
    judge_difference(
        compare_logits(made, wanted), [&](int64_t row) { return int64_t{rows[static_cast<size_t>(row)]}; },
        fmt::format("subject.pt makes other logits of the inputs (of {} samples tried) than were recorded",
                    again.rows()));
  }

  void check_accuracies(MatrixView logits) {
    const std::vector<Verdict> verdicts = judge(logits);
    for (const Group& group : run_.manifest().groups) {
      const auto known = epoch_.scalars().find(group.name + "_accuracy");
      if (known == epoch_.scalars().end() || !known->is_number()) continue;
      int64_t labelled = 0, right = 0;
      for (int64_t id = group.begin; id < group.end(); ++id) {
        const int32_t label = run_.labels()[static_cast<size_t>(id)];
        labelled += label >= 0;
        right += label >= 0 && verdicts[static_cast<size_t>(id)].prediction == label;
      }
      if (labelled == 0) continue;
      const double found = double(right) / double(labelled), said = known->get<double>();
      if (std::abs(found - said) <= std::max(0.01, 1.5 / double(labelled))) continue;
      const std::string sentence = fmt::format(
          "{}: epoch {}: {}_accuracy is {:.3g}, and labels.npy and the logits make {:.3g} of the {} labelled "
          "samples",
          (epoch_.folder() / "epoch.json").string(), epoch_name(epoch_), group.name, said, found, labelled);
      // A mean over a training epoch, augmented samples and all, is lower; one that is much higher is of
      // other samples.
      if (said - found > 0.2)
        problem("{}; the epoch was recorded with other labels, or samples in another order: leave it out",
                sentence);
      else
        note("{}; allowed, it may be a mean over the training epoch", sentence);
    }
  }

  const Run& run_;
  const Epoch& epoch_;
  CheckReport& report_;
};

}  // namespace

LogitDifference compare_logits(MatrixView a, MatrixView b) {
  LogitDifference difference;
  int64_t others = 0;
  for (int64_t i = 0; i < a.rows; ++i) {
    const std::span<const float> x(a.row(i), static_cast<size_t>(a.cols)),
        y(b.row(i), static_cast<size_t>(b.cols));
    const float top_x = *std::max_element(x.begin(), x.end()), top_y = *std::max_element(y.begin(), y.end());
    double sum_x = 0, sum_y = 0, largest = 0;
    for (size_t c = 0; c < x.size(); ++c) {
      sum_x += std::exp(double(x[c]) - top_x);
      sum_y += std::exp(double(y[c]) - top_y);
    }
    for (size_t c = 0; c < x.size(); ++c)
      largest = std::max(
          largest, std::abs(std::exp(double(x[c]) - top_x) / sum_x - std::exp(double(y[c]) - top_y) / sum_y));
    if (!std::isfinite(sum_x) || !std::isfinite(sum_y)) largest = 1;
    if (largest > difference.largest) {
      difference.largest = largest;
      difference.row = i;
    }
    others += judge(x).prediction != judge(y).prediction;
  }
  if (a.rows > 0) difference.other_predictions = double(others) / double(a.rows);
  return difference;
}

void check_subjects(const Run& run, CheckReport& report) {
  for (const int number : report.epochs) {
    try {
      const Epoch epoch = run.epoch(number);
      SubjectChecker(run, epoch, report).check();
    } catch (const std::exception& error) {
      report.problems.push_back(error.what());
    }
  }
}

}  // namespace dvi
