#include "scenarios/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "query/suspects.h"

namespace dvi {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double scalar(const Epoch& epoch, const char* name) {
  const auto it = epoch.scalars().find(name);
  return it != epoch.scalars().end() && it->is_number() ? it->get<double>() : none;
}

const Group& group_of(const Run& run, const std::string& name) {
  for (const auto& group : run.manifest().groups)
    if (group.name == name) return group;
  fail("{}: expected the group \"{}\" that this scenario records, found none; record it with dvi demo",
       run.folder().string(), name);
}

double plane_distance(std::span<const float> positions, int64_t a, int64_t b) {
  const auto i = static_cast<size_t>(2 * a), j = static_cast<size_t>(2 * b);
  return std::hypot(double(positions[i]) - positions[j], double(positions[i + 1]) - positions[j + 1]);
}

double median(std::vector<double> values) {
  if (values.empty()) return none;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double accuracy_of(const Run& run, const ViewEpoch& epoch, std::span<const int64_t> ids) {
  double right = 0;
  for (const int64_t id : ids) right += epoch.predictions()[id] == run.labels()[id];
  return ids.empty() ? none : right / static_cast<double>(ids.size());
}

/// "accuracy of test samples near those that became robust went from a to b; ..."
std::string price_of_robustness(const Run& run, const View& view, int last_clean, int last) {
  const Group &test = group_of(run, "test"), &adversarial = group_of(run, "adversarial");
  const auto before = view.epoch(last_clean), after = view.epoch(last);
  const std::vector<float> source = run.column("source");
  constexpr size_t neighbors = 15;
  std::vector<bool> is_near(test.count, false);
  int64_t became_robust = 0;
  for (int64_t id = adversarial.begin; id < adversarial.end(); ++id) {
    const auto i = static_cast<size_t>(id);
    const int32_t label = run.labels()[i];
    if (before->predictions()[i] == label || after->predictions()[i] != label) continue;
    ++became_robust;
    const auto own = static_cast<int64_t>(source[i]);
    std::vector<std::pair<double, int64_t>> nearest;
    for (int64_t other = test.begin; other < test.end(); ++other)
      if (other != own) nearest.emplace_back(plane_distance(before->positions(), id, other), other);
    const size_t n = std::min(neighbors, nearest.size());
    std::partial_sort(nearest.begin(), nearest.begin() + static_cast<std::ptrdiff_t>(n), nearest.end());
    for (size_t k = 0; k < n; ++k) is_near[nearest[k].second - test.begin] = true;
  }
  std::vector<int64_t> near, far;
  for (int64_t i = 0; i < test.count; ++i) (is_near[i] ? near : far).push_back(test.begin + i);
  return fmt::format(
      "{} of {} adversarial samples that fooled the classifier at epoch {} no longer do at epoch {}; the "
      "accuracy of the "
      "{} test samples near them in the plane (15 nearest each) went from {:.3f} to {:.3f}, that of the "
      "other {} from "
      "{:.3f} to {:.3f}",
      became_robust, adversarial.count, last_clean, last, near.size(), accuracy_of(run, *before, near),
      accuracy_of(run, *after, near), far.size(), accuracy_of(run, *before, far),
      accuracy_of(run, *after, far));
}

Findings adversarial_findings(const Run& run, const View& view) {
  Findings findings;
  findings.columns = {"epoch", "training", "clean", "robust", "moved"};
  findings.legend = {"training  0: on clean images, 1: on adversarial ones",
                     "clean     accuracy on the test samples",
                     "robust    accuracy on test samples under attack",
                     "moved     distance in the plane between an attacked sample and itself before the "
                     "attack, in parts of the extent "
                     "(median)"};
  const Group& adversarial = group_of(run, "adversarial");
  const std::vector<float> source = run.column("source");
  const double extent = view.extent()[2] - view.extent()[0];
  int last_clean = 0, last = 0;
  for (const int number : view.epoch_numbers()) {
    const Epoch epoch = run.epoch(number);
    const auto fitted = view.epoch(number);
    std::vector<double> moved;
    for (int64_t id = adversarial.begin; id < adversarial.end(); ++id)
      moved.push_back(plane_distance(fitted->positions(), id, static_cast<int64_t>(source[id])) / extent);
    findings.rows.push_back({double(number), scalar(epoch, "adversarial_training"),
                             scalar(epoch, "clean_accuracy"), scalar(epoch, "robust_accuracy"),
                             median(moved)});
    (scalar(epoch, "adversarial_training") == 0 ? last_clean : last) = number;
  }
  if (last_clean > 0 && last > 0) findings.notes.push_back(price_of_robustness(run, view, last_clean, last));
  return findings;
}

std::string suspects_found(const Run& run, const View& view, std::span<const float> is_noisy) {
  const auto noisy = static_cast<size_t>(std::accumulate(is_noisy.begin(), is_noisy.end(), 0.f));
  const auto suspects = SuspectRanking(run, view).top(noisy);
  std::string text =
      fmt::format("{} labels are wrong; of the samples that the suspects list ranks first", noisy);
  for (const size_t count : {noisy / 4, noisy / 2, noisy}) {
    size_t found = 0;
    for (size_t i = 0; i < std::min(count, suspects.size()); ++i) found += is_noisy[suspects[i].id] == 1;
    text +=
        fmt::format("{} {} are so among {} (precision {:.3f}, recall {:.3f})", count == noisy / 4 ? "" : ",",
                    found, count, double(found) / double(count), double(found) / double(noisy));
  }
  return text;
}

Findings noisy_findings(const Run& run, const View& view) {
  Findings findings;
  findings.columns = {"epoch", "clean", "as_true", "as_given", "near_true", "near_given", "test"};
  findings.legend = {"clean       accuracy on train samples whose label is right",
                     "as_true     share of the wrongly labelled samples that are predicted as what they are",
                     "as_given    share of them that are predicted as their wrong label",
                     "near_true   share of them that have more neighbours of their true class than of their "
                     "label's in the plane, going by "
                     "true classes",
                     "near_given  the opposite",
                     "test        accuracy on the test samples"};
  const std::vector<float> original = run.column("original_label"), is_noisy = run.column("is_noisy");
  for (const int number : view.epoch_numbers()) {
    const Epoch epoch = run.epoch(number);
    const auto fitted = view.epoch(number);
    const auto neighbors = fitted->plane_neighbors();
    const auto k = static_cast<size_t>(fitted->neighbor_count());
    double noisy = 0, near_true = 0, near_given = 0;
    for (size_t i = 0; i < is_noisy.size(); ++i) {
      if (is_noisy[i] != 1) continue;
      int of_true = 0, of_given = 0;
      for (const int32_t other : neighbors.subspan(i * k, k)) {
        const float is = original[other];
        of_true += is == original[i];
        of_given += is == static_cast<float>(run.labels()[i]);
      }
      ++noisy;
      near_true += of_true > of_given;
      near_given += of_given > of_true;
    }
    findings.rows.push_back({double(number), scalar(epoch, "clean_label_accuracy"),
                             scalar(epoch, "noisy_as_true_accuracy"),
                             scalar(epoch, "noisy_as_given_accuracy"), near_true / noisy, near_given / noisy,
                             scalar(epoch, "test_accuracy")});
  }
  findings.notes.push_back(suspects_found(run, view, is_noisy));
  return findings;
}

/// Of the cells of a 30 x 30 grid over the extent that hold train samples: the share that holds a labelled
/// one.
double coverage(const Run& run, const View& view, const Epoch& epoch) {
  constexpr int size = 30;
  const auto fitted = view.epoch(epoch.number());
  const auto cell_of = [&](int64_t id) {
    const auto& extent = view.extent();
    const auto at = [&](size_t axis) {
      const double share = (fitted->positions()[static_cast<size_t>(2 * id) + axis] - extent[axis]) /
                           (extent[axis + 2] - extent[axis]);
      return std::clamp(static_cast<int>(share * size), 0, size - 1);
    };
    return static_cast<size_t>(at(1) * size + at(0));
  };
  std::vector<bool> used(size * size, false), labelled(size * size, false);
  for (const int32_t id : run.manifest().ids_of_role("train")) used[cell_of(id)] = true;
  for (const int32_t id : epoch.training_set().value_or(std::vector<int32_t>{})) labelled[cell_of(id)] = true;
  return static_cast<double>(std::count(labelled.begin(), labelled.end(), true)) /
         static_cast<double>(std::count(used.begin(), used.end(), true));
}

Findings active_learning_findings(const Run& run, const View& view) {
  Findings findings;
  findings.columns = {"round", "labelled", "test", "boundary", "of_pool", "evenness", "covered"};
  findings.legend = {
      "labelled  samples in the training set",
      "test      accuracy on the test samples",
      "boundary  share of this round's new samples that were on the delta-boundary when they were chosen",
      "of_pool   the same of all train samples: what random choice gives",
      "evenness  entropy of the new samples' classes; 1: all equally frequent",
      "covered   share of the picture's inhabited cells (30 x 30) that hold a labelled sample"};
  for (const int number : view.epoch_numbers()) {
    const Epoch epoch = run.epoch(number);
    findings.rows.push_back({double(number), scalar(epoch, "labelled"), scalar(epoch, "test_accuracy"),
                             scalar(epoch, "new_boundary_share"), scalar(epoch, "pool_boundary_share"),
                             scalar(epoch, "new_label_evenness"), coverage(run, view, epoch)});
  }
  return findings;
}

}  // namespace

std::optional<Findings> find_findings(const std::string& scenario, const Run& run, const View& view) {
  if (scenario == "adversarial") return adversarial_findings(run, view);
  if (scenario == "noisy-labels") return noisy_findings(run, view);
  if (scenario == "active-learning") return active_learning_findings(run, view);
  return std::nullopt;
}

std::string to_text(const Findings& findings) {
  std::vector<int> decimals;
  std::string text;
  for (size_t c = 0; c < findings.columns.size(); ++c) {
    text += fmt::format("{:>12}", findings.columns[c]);
    const bool whole = std::all_of(findings.rows.begin(), findings.rows.end(), [&](const auto& row) {
      return std::isnan(row[c]) || row[c] == std::floor(row[c]);
    });
    decimals.push_back(whole ? 0 : 3);
  }
  text += '\n';
  for (const auto& row : findings.rows) {
    for (size_t c = 0; c < row.size(); ++c)
      text += std::isnan(row[c]) ? std::string(12, ' ') : fmt::format("{:>12.{}f}", row[c], decimals[c]);
    text += '\n';
  }
  text += '\n';
  for (const auto& line : findings.legend) text += line + "\n";
  for (const auto& note : findings.notes) text += "\n" + note + "\n";
  return text;
}

Json to_json(const Findings& findings) {
  Json rows = Json::array();
  for (const auto& row : findings.rows) {
    Json object;
    for (size_t c = 0; c < row.size(); ++c)
      object[findings.columns[c]] = std::isnan(row[c]) ? Json() : Json(row[c]);
    rows.push_back(std::move(object));
  }
  return {{"rows", rows}, {"notes", findings.notes}};
}

}  // namespace dvi
