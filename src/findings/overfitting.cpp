// Overfitting: the loss of held-out samples rises from its lowest point while that of train samples falls.
#include <cmath>
#include <numeric>

#include "findings/detectors.h"
#include "findings/statistics.h"

namespace dvi {
namespace {

constexpr double least_rise = 0.1;  // of the lowest loss

/// Cross-entropy of each sample at an epoch, from recorded logits; empty where none are recorded.
std::vector<float> losses(const RunHistory& history, size_t e, std::span<const int32_t> ids) {
  const auto logits = history.run().epoch(history.number(e)).logits();
  if (!logits) return {};
  std::vector<float> found;
  for (const int32_t id : ids) {
    const float* row = logits->row(id);
    const float most = *std::max_element(row, row + logits->cols());
    double sum = 0;  // the largest alone makes it 1
    for (int64_t c = 0; c < logits->cols(); ++c) sum += std::exp(double{row[c]} - most);
    found.push_back(static_cast<float>(std::log(std::max(sum, 1.0)) + most - row[history.label(id)]));
  }
  return found;
}

double mean(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

std::vector<Finding> find_overfitting(const RunHistory& history) {
  if (history.held_out().size() < 30 || history.size() < 3) return {};
  std::vector<std::vector<float>> held_out;
  std::vector<double> train;
  size_t lowest = 0;
  for (size_t e = 0; e < history.size(); ++e) {
    held_out.push_back(losses(history, e, history.held_out()));
    const auto of_train = losses(history, e, history.train());
    if (held_out.back().empty() || of_train.empty()) return {};
    train.push_back(mean(of_train));
    if (mean(held_out[e]) < mean(held_out[lowest])) lowest = e;
  }
  // Paired: by how much each held-out sample's loss rose. Exchange of the two epochs within samples gives the
  // mean a variance of sum d^2 / n^2.
  const size_t last = history.size() - 1;
  double sum = 0, squares = 0;
  for (size_t i = 0; i < held_out[last].size(); ++i) {
    const double d = double{held_out[last][i]} - held_out[lowest][i];
    sum += d;
    squares += d * d;
  }
  const double low = mean(held_out[lowest]), now = mean(held_out[last]);
  if (lowest == last || !(squares > 0) || train[last] >= train[lowest] || now < (1 + least_rise) * low ||
      normal_tail(sum / std::sqrt(squares)) >= false_alarm_rate / static_cast<double>(history.size()))
    return {};
  Finding finding{"overfitting",
                  history.number(lowest),
                  history.number(last),
                  {},
                  {},
                  std::min(1.0, now / low - 1),
                  "",
                  history.number(last),
                  "correct"};
  for (const int32_t id : history.held_out())
    if (history.right(lowest, id) && !history.right(last, id) && finding.samples.size() < 1000)
      finding.samples.push_back(id);
  finding.classes = frequent_labels(history, finding.samples, 3);
  finding.text = fmt::format(
      "The classifier overfits since epoch {}: the loss of held-out samples rose from {:.3f} to {:.3f} while "
      "that of training samples fell from {:.3f} to {:.3f}; {} held-out samples turned wrong.",
      history.called(finding.from), low, now, train[lowest], train[last], finding.samples.size());
  return {finding};
}

}  // namespace dvi
