#include "boundary/pair_drawer.h"

#include <algorithm>
#include <numeric>

#include "comm/shared_for.h"
#include "core/parallel.h"
#include "core/random.h"
#include "subject/logits.h"

namespace dvi {
namespace {

/// Scales to a sum of 1; all equal if there is nothing.
void normalise(std::vector<double>& values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  for (double& v : values) v = sum > 0 ? v / sum : 1.0 / static_cast<double>(values.size());
}

size_t draw_by(const std::vector<double>& running, Random& random) {
  const double at = random.uniform() * running.back();
  const auto found = std::upper_bound(running.begin(), running.end(), at);
  return std::min(static_cast<size_t>(found - running.begin()), running.size() - 1);
}

}  // namespace

PairDrawer::PairDrawer(MatrixView logits, std::span<const int32_t> ids, double success_weight, uint64_t seed)
    : logits_(logits), success_weight_(success_weight), seed_(seed) {
  members_.resize(logits.cols);
  for (const int32_t id : ids) {
    const float* row = logits.row(id);
    members_[std::max_element(row, row + logits.cols) - row].push_back(id);
  }
  for (int32_t i = 0; i < logits.cols; ++i)
    for (int32_t j = i + 1; j < logits.cols; ++j)
      if (!members_[i].empty() && !members_[j].empty()) class_pairs_.push_back({i, j});
  attempts_.assign(class_pairs_.size(), 0);
  accepted_.assign(class_pairs_.size(), 0);
}

std::vector<double> PairDrawer::class_pair_weights() const {
  const auto n = class_pairs_.size();
  const auto total = static_cast<double>(std::accumulate(accepted_.begin(), accepted_.end(), int64_t{0}));
  const auto tried = static_cast<double>(std::accumulate(attempts_.begin(), attempts_.end(), int64_t{0}));
  const double mean = total / static_cast<double>(n), usual = tried > 0 ? total / tried : 1;
  std::vector<double> success(n), need(n);
  for (size_t p = 0; p < n; ++p) {
    // A pair never tried is taken to be as good as the others.
    success[p] =
        attempts_[p] > 0 ? static_cast<double>(accepted_[p]) / static_cast<double>(attempts_[p]) : usual;
    need[p] = std::max(0.0, mean - static_cast<double>(accepted_[p]));
  }
  normalise(success);
  normalise(need);
  for (size_t p = 0; p < n; ++p) need[p] = success_weight_ * success[p] + (1 - success_weight_) * need[p];
  return need;
}

void PairDrawer::running_weights(int32_t i, int32_t j, std::vector<double>& out) const {
  const auto& members = members_[i];
  out.resize(members.size());
  double sum = 0;
  for (size_t m = 0; m < members.size(); ++m) {
    const float* row = logits_.row(members[m]);
    sum += 1.0 / (static_cast<double>(row[i]) - static_cast<double>(row[j]) + 1e-4);
    out[m] = sum;
  }
}

std::vector<SamplePair> PairDrawer::draw(int64_t count) {
  ++round_;
  auto running = class_pair_weights();
  std::partial_sum(running.begin(), running.end(), running.begin());
  std::vector<int32_t> drawn(count);
  Random random(seed_, round_);
  for (auto& d : drawn) d = static_cast<int32_t>(draw_by(running, random));
  std::sort(drawn.begin(), drawn.end());

  // One piece of work a class pair that was drawn, with its own stream of random numbers.
  std::vector<size_t> begins;
  for (size_t d = 0; d < drawn.size(); ++d)
    if (d == 0 || drawn[d] != drawn[d - 1]) begins.push_back(d);
  begins.push_back(drawn.size());
  std::vector<SamplePair> pairs(drawn.size());
  const auto pieces = static_cast<int64_t>(begins.size()) - 1;
  const RowRange own = own_range(pieces);
  parallel_for(own.size(), 1, [&](int64_t begin, int64_t end, int) {
    std::vector<double> weights[2];
    for (int64_t piece = own.begin + begin; piece < own.begin + end; ++piece) {
      const size_t from = begins[piece], to = begins[static_cast<size_t>(piece) + 1];
      const int32_t p = drawn[from];
      const auto [i, j] = class_pairs_[p];
      running_weights(i, j, weights[0]);
      running_weights(j, i, weights[1]);
      Random stream(seed_, round_, static_cast<uint64_t>(p) + 1);
      for (size_t d = from; d < to; ++d)
        pairs[d] = {
            members_[i][draw_by(weights[0], stream)], members_[j][draw_by(weights[1], stream)], p, {i, j}};
    }
  });
  std::vector<int64_t> ends{0};  // in bytes, of each rank's
  for (int r = 0; r < comm().size(); ++r)
    ends.push_back(static_cast<int64_t>(begins[static_cast<size_t>(range_of_rank(pieces, 1, r).end)] *
                                        sizeof(SamplePair)));
  comm().gather(bytes_of(pairs), ends);
  return pairs;
}

void PairDrawer::record(int32_t class_pair, int64_t attempts, int64_t accepted) {
  attempts_[class_pair] += attempts;
  accepted_[class_pair] += accepted;
}

}  // namespace dvi
