#include "query/suspects.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/parallel.h"

namespace dvi {
namespace {

/// What one epoch says about a sample's label.
struct LabelState {
  float margin, probability;
};

LabelState from_logits(const float* logits, int32_t classes, int32_t label) {
  float most = logits[0], least = logits[0], other = -INFINITY;
  for (int32_t c = 0; c < classes; ++c) {
    most = std::max(most, logits[c]);
    least = std::min(least, logits[c]);
    if (c != label) other = std::max(other, logits[c]);
  }
  double sum = 0;
  for (int32_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(logits[c] - most));
  const float range = most - least;
  return {range > 0 ? (logits[label] - other) / range : 0.f,
          static_cast<float>(std::exp(static_cast<double>(logits[label] - most)) / sum)};
}

LabelState from_view(const ViewEpoch& epoch, size_t i, int32_t classes, int32_t label) {
  const float margin = epoch.margin()[i], confidence = epoch.confidence()[i];
  if (epoch.predictions()[i] == label) return {margin, confidence};
  if (epoch.runner_up()[i] == label) return {-margin, 1 - confidence};
  return {-(1 + margin) / 2, (1 - confidence) / static_cast<float>(classes - 1)};
}

/// The most frequent value that is not `except`, and how often it occurs; -1 if there is none.
std::pair<int32_t, int> most_frequent(const std::vector<int32_t>& values, int32_t except) {
  std::map<int32_t, int> counts;
  for (const int32_t value : values)
    if (value != except && value >= 0) ++counts[value];
  std::pair<int32_t, int> best{-1, 0};
  for (const auto& [value, count] : counts)
    if (count > best.second) best = {value, count};
  return best;
}

// Order of the features: margin, confidence, disagreement (speaking against the label), variability,
// forgetting, flips. Margin and confidence say nearly the same, so each gets less; the neighbours ask
// somebody else. A wrong label that is memorised in the end has a high variability too.
constexpr std::array<double, 7> prior = {0.5, 0.5, 2.0, 0.5, 0.2, 0.1, -3.0};
constexpr double prior_precision = 1;
constexpr float most_deviations = 4;

}  // namespace

SuspectRanking::SuspectRanking(const Run& run, const View& view) : run_(run), view_(view) {
  if (view.epoch_numbers().empty())
    fail("view \"{}\": expected a fitted epoch to look for suspects in, found none yet; wait for 'dvi fit'",
         view.name());
  scores_.resize(run.labels().size());
  add_epochs();
  add_neighbors();
  standardise();
}

void SuspectRanking::add_epochs() {
  const auto& labels = run_.labels();
  const int32_t classes = run_.manifest().class_count();
  const auto epochs = static_cast<float>(view_.epoch_numbers().size());
  std::vector<float> squares(labels.size(), 0.f);
  std::shared_ptr<const ViewEpoch> before;
  for (const int number : view_.epoch_numbers()) {
    const auto epoch = view_.epoch(number);
    NpyArray logits;
    const auto file = run_.folder() / "epochs" / epoch_folder_name(number) / "logits.npy";
    if (std::filesystem::exists(file)) logits = NpyArray::open(file);
    const bool exact = !logits.empty() && logits.dtype() == DType::f32 &&
                       logits.shape() == std::vector<int64_t>{static_cast<int64_t>(labels.size()), classes};
    exact_ = exact_ && exact;
    const float* values = exact ? logits.as<float>().data() : nullptr;
    parallel_for(static_cast<int64_t>(labels.size()), 4096, [&](int64_t begin, int64_t end, int) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        if (labels[i] < 0) continue;
        const LabelState state =
            exact ? from_logits(values + i * static_cast<size_t>(classes), classes, labels[i])
                  : from_view(*epoch, i, classes, labels[i]);
        Scores& s = scores_[i];
        s.margin += state.margin / epochs;
        s.confidence += state.probability / epochs;
        squares[i] += state.probability * state.probability / epochs;
        if (!before) continue;
        const int32_t now = epoch->predictions()[i], earlier = before->predictions()[i];
        s.flips += now != earlier;
        s.forgotten += earlier == labels[i] && now != labels[i];
      }
    });
    before = epoch;
  }
  for (size_t i = 0; i < scores_.size(); ++i)
    scores_[i].variability =
        std::sqrt(std::max(0.f, squares[i] - scores_[i].confidence * scores_[i].confidence));
}

void SuspectRanking::add_neighbors() {
  const auto& numbers = view_.epoch_numbers();
  constexpr size_t most = 5;
  const size_t count = std::min(most, numbers.size());
  for (size_t j = 0; j < count; ++j)
    neighbor_epochs_.push_back(numbers[count == 1 ? 0 : j * (numbers.size() - 1) / (count - 1)]);
  const auto& labels = run_.labels();
  for (const int number : neighbor_epochs_) {
    const auto epoch = view_.epoch(number);
    const auto neighbors = epoch->neighbors();
    const auto k = static_cast<size_t>(epoch->neighbor_count());
    parallel_for(static_cast<int64_t>(labels.size()), 4096, [&](int64_t begin, int64_t end, int) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        if (labels[i] < 0) continue;
        int labelled = 0, others = 0;
        for (const int32_t neighbor : neighbors.subspan(i * k, k)) {
          const int32_t label = labels.at(static_cast<size_t>(neighbor));
          labelled += label >= 0;
          others += label >= 0 && label != labels[i];
        }
        if (labelled > 0)
          scores_[i].disagreement +=
              static_cast<float>(others) / static_cast<float>(labelled) / static_cast<float>(count);
      }
    });
  }
}

void SuspectRanking::standardise() {
  features_.resize(scores_.size());
  for (size_t i = 0; i < scores_.size(); ++i) {
    const Scores& s = scores_[i];
    features_[i] = {-s.margin,
                    -s.confidence,
                    s.disagreement,
                    s.variability,
                    static_cast<float>(s.forgotten),
                    static_cast<float>(s.flips)};
  }
  for (size_t f = 0; f < feature_count; ++f) {
    double sum = 0, squares = 0, count = 0;
    for (size_t i = 0; i < features_.size(); ++i) {
      if (run_.labels()[i] < 0) continue;
      sum += features_[i][f];
      squares += double{features_[i][f]} * features_[i][f];
      ++count;
    }
    const double mean = count > 0 ? sum / count : 0;
    const double deviation = count > 0 ? std::sqrt(std::max(0.0, squares / count - mean * mean)) : 0;
    for (Features& features : features_)
      features[f] = deviation < 1e-9 ? 0.f
                                     : std::clamp(static_cast<float>((features[f] - mean) / deviation),
                                                  -most_deviations, most_deviations);
  }
}

SuspectRanking::Weights SuspectRanking::weights_after(std::span<const int32_t> accepted,
                                                      std::span<const int32_t> rejected) const {
  // Gradient descent on the log loss of the answers + precision / 2 * |w - prior|^2, which is strongly
  // convex: with a step of 1 / (largest curvature) it cannot overshoot.
  struct Answer {
    const Features* x;
    double y;
  };
  std::vector<Answer> answers;
  for (const int32_t id : accepted) answers.push_back({&features_[static_cast<size_t>(id)], 1.0});
  for (const int32_t id : rejected) answers.push_back({&features_[static_cast<size_t>(id)], 0.0});
  Weights weights = prior;
  double curvature = prior_precision;
  for (const Answer& answer : answers) {
    double square = 1;
    for (const float x : *answer.x) square += double{x} * x;
    curvature += 0.25 * square;
  }
  constexpr int steps = 500;
  for (int step = 0; step < steps && !answers.empty(); ++step) {
    Weights gradient{};
    for (size_t f = 0; f < weights.size(); ++f) gradient[f] = prior_precision * (weights[f] - prior[f]);
    for (const Answer& answer : answers) {
      double z = weights[feature_count];
      for (size_t f = 0; f < feature_count; ++f) z += weights[f] * (*answer.x)[f];
      const double error = 1 / (1 + std::exp(-z)) - answer.y;
      for (size_t f = 0; f < feature_count; ++f) gradient[f] += error * (*answer.x)[f];
      gradient[feature_count] += error;
    }
    for (size_t f = 0; f < weights.size(); ++f) weights[f] -= gradient[f] / curvature;
  }
  return weights;
}

double SuspectRanking::score(const Weights& weights, size_t id) const {
  double z = weights[feature_count];
  for (size_t f = 0; f < feature_count; ++f) z += weights[f] * features_[id][f];
  return 1 / (1 + std::exp(-z));
}

std::string SuspectRanking::kind_of(size_t id) const {
  // Wrong labels are memorised in the end, so their probability swings as that of ambiguous samples does; the
  // neighbours tell the two apart.
  const Features& x = features_[id];
  constexpr float clearly = 1;  // standard deviation above the mean
  if (x[2] > clearly) return "wrong label";
  return x[3] >= (x[4] + x[5]) / 2 ? "ambiguous" : "unstable";
}

std::string SuspectRanking::reason_for(const std::string& kind, size_t id) const {
  const auto& classes = run_.manifest().classes;
  const auto name = [&](int32_t c) { return "'" + classes[static_cast<size_t>(c)] + "'"; };
  const int32_t label = run_.labels()[id];
  const Scores& s = scores_[id];
  const size_t epochs = view_.epoch_numbers().size();
  std::vector<int32_t> predictions;
  int on_boundary = 0;
  for (const int number : view_.epoch_numbers()) {
    const auto epoch = view_.epoch(number);
    predictions.push_back(epoch->predictions()[id]);
    on_boundary += epoch->margin()[id] < 0.1f;
  }
  const auto [other, other_count] = most_frequent(predictions, label);
  if (kind == "unstable")
    return fmt::format("learned and forgotten again {} time{}, its prediction changed {} times in {} epochs",
                       s.forgotten, s.forgotten == 1 ? "" : "s", s.flips, epochs);
  if (kind == "ambiguous")
    return fmt::format(
        "the probability of its label {} swings from epoch to epoch ({:.2f} +- {:.2f}){}{}", name(label),
        s.confidence, s.variability,
        other >= 0 ? fmt::format(", it was taken for {} at {} of {} epochs", name(other), other_count, epochs)
                   : "",
        on_boundary > 0 ? fmt::format(", on the boundary at {}", on_boundary) : "");
  // The neighbours that speak most clearly, to be counted in whole samples.
  int most_others = 0, of = 0, at = neighbor_epochs_.front();
  std::vector<int32_t> their_labels;
  for (const int number : neighbor_epochs_) {
    const auto epoch = view_.epoch(number);
    const auto k = static_cast<size_t>(epoch->neighbor_count());
    std::vector<int32_t> found;
    for (const int32_t neighbor : epoch->neighbors().subspan(id * k, k))
      found.push_back(run_.labels().at(static_cast<size_t>(neighbor)));
    const auto others =
        static_cast<int>(std::count_if(found.begin(), found.end(), [&](int32_t l) { return l != label; }));
    if (others <= most_others) continue;
    most_others = others, of = static_cast<int>(k), at = number;
    their_labels = found;
  }
  std::string reason = "labelled " + name(label);
  if (most_others > 0) {
    const auto [theirs, count] = most_frequent(their_labels, label);
    reason += fmt::format(", but {} of its {} nearest neighbours at epoch {} are not", most_others, of, at);
    if (theirs >= 0) reason += fmt::format(" ({} are {})", count, name(theirs));
  }
  if (other >= 0)
    reason += fmt::format("{} the model took it for {} at {} of {} epochs",
                          most_others > 0 ? ", and" : ", but", name(other), other_count, epochs);
  return reason;
}

std::vector<Suspect> SuspectRanking::top(size_t limit, std::span<const int32_t> accepted,
                                         std::span<const int32_t> rejected) const {
  const Weights weights = weights_after(accepted, rejected);
  std::vector<bool> judged(scores_.size(), false);
  for (const auto ids : {accepted, rejected})
    for (const int32_t id : ids) judged[static_cast<size_t>(id)] = true;
  std::vector<std::pair<double, int32_t>> order;  // negative score, so that the worst sort first
  for (size_t i = 0; i < scores_.size(); ++i)
    if (run_.labels()[i] >= 0 && !judged[i]) order.emplace_back(-score(weights, i), static_cast<int32_t>(i));
  limit = std::min(limit, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(limit), order.end());
  std::vector<Suspect> suspects;
  for (size_t rank = 0; rank < limit; ++rank) {
    const auto id = static_cast<size_t>(order[rank].second);
    const Scores& s = scores_[id];
    const std::string kind = kind_of(id);
    suspects.push_back({order[rank].second, -order[rank].first, kind, reason_for(kind, id), s.margin,
                        static_cast<double>(s.forgotten), s.confidence, s.variability, s.disagreement});
  }
  return suspects;
}

std::string SuspectRanking::method() const {
  return std::string(
             "Area under the margin (Pleiss 2020), forgetting events (Toneva 2019), dataset cartography "
             "(Swayamdipta "
             "2020) and labels of the nearest neighbours, over ") +
         std::to_string(view_.epoch_numbers().size()) + " epochs" +
         (exact_ ? ""
                 : "; without recorded logits the label's margin and probability are estimated where another "
                   "class wins") +
         ". Your answers adapt the weights.";
}

}  // namespace dvi
