#include "boundary/boundary_samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "boundary/mixer.h"
#include "boundary/pair_drawer.h"
#include "core/error.h"
#include "core/stopwatch.h"
#include "subject/logits.h"

namespace dvi {
namespace {

constexpr double widest_accepted = 0.1;  // of the interval at acceptance

/// One direction of a pair on its way to the boundary: weight of `from` in [low, high], the class of `from`
/// loses at low and wins at high.
struct Walk {
  int32_t pair;
  int side;  // 0: from the first sample of the pair, 1: from the second
  double low, high = 1;

  double middle() const { return (low + high) / 2; }
  Mixture at(double weight) const { return {pair, static_cast<float>(side == 0 ? weight : 1 - weight)}; }
  bool wins(const SamplePair& p, const float* logits) const {
    return logits[p.of[side]] > logits[p.of[1 - side]];
  }
};

/// Rows collected from many rounds.
struct Collected {
  std::vector<float> features, logits;
  std::vector<std::array<int32_t, 2>> classes;
  std::vector<BoundaryOrigin> origins;
  int64_t count() const { return static_cast<int64_t>(classes.size()); }
};

Matrix matrix_of(const std::vector<float>& values, int64_t rows, int64_t cols) {
  Matrix out(rows, cols);
  std::copy_n(values.begin(), rows * cols, out.data());
  return out;
}

class Search {
 public:
  Search(SubjectModel& subject, Mixer& mixer, PairDrawer& drawer, const BoundaryOptions& options)
      : subject_(subject), mixer_(mixer), drawer_(drawer), options_(options) {}

  BoundarySet run() {
    const Stopwatch watch;
    BoundarySet set;
    if (drawer_.class_pairs().empty()) {
      set.note = "No boundary samples: the subject model predicts fewer than two classes.";
    } else {
      while (found_.count() < options_.count && !hopeless()) round();
      if (found_.count() < options_.count)
        set.note = fmt::format(
            "Found {} of {} boundary samples: only {} of {} tries between samples of two classes reached a "
            "margin below "
            "{}.",
            found_.count(), options_.count, found_.count(), attempts_, sample_delta);
    }
    const int64_t count = std::min(found_.count(), options_.count);
    set.features = matrix_of(found_.features, count, subject_.feature_dim());
    set.logits = matrix_of(found_.logits, count, subject_.class_count());
    set.classes.assign(found_.classes.begin(), found_.classes.begin() + count);
    set.origins.assign(found_.origins.begin(), found_.origins.begin() + count);
    set.attempts = attempts_;
    set.model_passes = mixer_.model_passes();
    set.model_seconds = mixer_.model_seconds();
    set.seconds = watch.seconds();
    return set;
  }

 private:
  /// Less than one try in 500 succeeds.
  bool hopeless() const { return attempts_ >= 4000 && found_.count() * 500 < attempts_; }

  /// As many pairs as the measured success rate says are needed, but at most an eighth of all, so that the
  /// need of class pairs is looked at again a few times.
  int64_t round_size() const {
    const double rate =
        pairs_ > 0 ? (static_cast<double>(found_.count()) + 1) / static_cast<double>(pairs_ + 1) : 1;
    const auto wanted =
        static_cast<int64_t>(std::ceil(1.05 * static_cast<double>(options_.count - found_.count()) / rate)) +
        8;
    return std::min({wanted, std::max<int64_t>(256, options_.count / 8), mixer_.largest_round()});
  }

  /// The walks that have something to cross: the class of the far end wins at alpha.
  std::vector<Walk> begin_walks(std::span<const SamplePair> pairs) {
    const bool one_look = options_.alpha == 0.5;  // both directions begin at the same point
    std::vector<Walk> all, crossing;
    std::vector<Mixture> looks;
    for (int32_t p = 0; p < static_cast<int32_t>(pairs.size()); ++p)
      for (const int side : {0, 1}) {
        all.push_back({p, side, options_.alpha});
        if (side == 0 || !one_look) looks.push_back(all.back().at(options_.alpha));
      }
    const auto logits = logits_of(looks);
    for (size_t w = 0; w < all.size(); ++w) {
      const float* row = logits.row(static_cast<int64_t>(one_look ? w / 2 : w));
      if (!all[w].wins(pairs[all[w].pair], row)) crossing.push_back(all[w]);
    }
    return crossing;
  }

  MatrixView logits_of(std::span<const Mixture> mixtures) {
    const auto n = static_cast<int64_t>(mixtures.size());
    if (logits_.rows() < n) logits_ = Matrix(n, subject_.class_count());
    const MutMatrixView out{logits_.data(), n, logits_.cols()};
    if (n > 0) mixer_.judge_mixtures(mixtures, out);
    return out;
  }

  void round() {
    const auto pairs = drawer_.draw(round_size());
    mixer_.begin_round(pairs);
    auto walks = begin_walks(pairs);
    std::vector<int64_t> accepted(pairs.size(), 0);
    std::vector<Mixture> mixtures;
    for (int step = 0; step < options_.max_steps && !walks.empty(); ++step) {
      mixtures.clear();
      for (const Walk& walk : walks) mixtures.push_back(walk.at(walk.middle()));
      const auto logits = logits_of(mixtures);
      std::vector<int32_t> candidates;
      for (size_t w = 0; w < walks.size(); ++w) {
        Walk& walk = walks[w];
        const float* row = logits.row(static_cast<int64_t>(w));
        (walk.wins(pairs[walk.pair], row) ? walk.high : walk.low) = walk.middle();
        if (walk.high - walk.low < widest_accepted && margin(row) < sample_delta)
          candidates.push_back(static_cast<int32_t>(w));
      }
      const auto ok = collect(candidates, mixtures, pairs);
      for (size_t c = 0; c < candidates.size(); ++c) {
        if (!ok[c]) continue;
        Walk& walk = walks[candidates[c]];
        ++accepted[walk.pair];
        walk.pair = -1;
      }
      std::erase_if(walks, [](const Walk& walk) { return walk.pair < 0; });
    }
    for (size_t p = 0; p < pairs.size(); ++p) drawer_.record(pairs[p].class_pair, 2, accepted[p]);
    pairs_ += static_cast<int64_t>(pairs.size());
    attempts_ += 2 * static_cast<int64_t>(pairs.size());
  }

  float margin(const float* logits) const {
    return judge(std::span(logits, static_cast<size_t>(subject_.class_count()))).margin;
  }

  /// Keeps the candidates that the model itself puts on the boundary (a linear head's mixed logits are off by
  /// rounding).
  std::vector<bool> collect(std::span<const int32_t> candidates, std::span<const Mixture> mixtures,
                            std::span<const SamplePair> pairs) {
    const auto n = static_cast<int64_t>(candidates.size());
    std::vector<bool> ok(candidates.size(), false);
    if (n == 0) return ok;
    Matrix features(n, subject_.feature_dim()), logits(n, subject_.class_count());
    mixer_.take(candidates, features.mut(), logits.mut());
    for (int64_t i = 0; i < n; ++i) {
      const auto verdict = judge(logits.view().slice(i, 1).span());
      if (verdict.margin >= sample_delta) continue;
      ok[i] = true;
      found_.features.insert(found_.features.end(), features.row(i), features.row(i) + features.cols());
      found_.logits.insert(found_.logits.end(), logits.row(i), logits.row(i) + logits.cols());
      found_.classes.push_back({verdict.prediction, verdict.runner_up});
      const auto [pair, weight] = mixtures[candidates[i]];
      const SamplePair& ends = pairs[pair];
      found_.origins.push_back({ends.first, ends.second, weight});
    }
    return ok;
  }

  SubjectModel& subject_;
  Mixer& mixer_;
  PairDrawer& drawer_;
  const BoundaryOptions& options_;
  Matrix logits_;
  Collected found_;
  int64_t attempts_ = 0, pairs_ = 0;
};

BoundarySet search(SubjectModel& subject, std::unique_ptr<Mixer> mixer, const char* from,
                   std::span<const int32_t> ids, MatrixView logits, const BoundaryOptions& options) {
  if (options.count < 0) fail("boundary samples: expected a count of 0 or more, found {}", options.count);
  if (options.alpha < 0 || options.alpha >= 1)
    fail("boundary samples: expected alpha in [0, 1), found {}; 0.5 reaches every crossing", options.alpha);
  const Stopwatch watch;
  PairDrawer drawer(logits, ids, options.success_weight, options.seed);
  auto set = Search(subject, *mixer, drawer, options).run();
  set.from = from;
  set.seconds = watch.seconds();
  return set;
}

}  // namespace

BoundarySet sample_boundary_inputs(SubjectModel& subject, const InputReader& reader,
                                   std::span<const int32_t> ids, MatrixView logits,
                                   const BoundaryOptions& options) {
  if (!subject.has_features())
    fail("boundary samples: mixing inputs needs a recorded model, found arrays only; mix features instead");
  return search(subject, make_input_mixer(subject, reader), "inputs", ids, logits, options);
}

BoundarySet sample_boundary_features(SubjectModel& subject, MatrixView features, std::span<const int32_t> ids,
                                     MatrixView logits, const BoundaryOptions& options) {
  return search(subject, make_feature_mixer(subject, features), "features", ids, logits, options);
}

BoundarySet recorded_boundary(SubjectModel& subject, Matrix features) {
  const Stopwatch watch;
  BoundarySet set;
  set.from = "recorded";
  set.logits = Matrix(features.rows(), subject.class_count());
  if (features.rows() > 0) subject.head(features, set.logits.mut());
  set.model_seconds = watch.seconds();
  for (const auto& verdict : judge(set.logits.view()))
    set.classes.push_back({verdict.prediction, verdict.runner_up});
  set.features = std::move(features);
  set.model_passes = set.size();
  set.seconds = watch.seconds();
  return set;
}

}  // namespace dvi
