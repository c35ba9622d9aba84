#include "causes/causes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace dvi {
namespace {

// Samples whose pushes are held at once.
constexpr size_t batch = 64;

std::string listed(const std::vector<int>& epochs) {
  std::string text;
  for (size_t i = 0; i < epochs.size(); ++i) {
    if (epochs.size() > 12 && i == 10) {
      text += ", ...";
      i = epochs.size() - 1;
    }
    text += fmt::format("{}{}", text.empty() ? "" : ", ", epochs[i]);
  }
  return text;
}

}  // namespace

std::optional<double> HitRate::rate() const {
  if (flips == 0) return std::nullopt;
  return static_cast<double>(hits) / static_cast<double>(flips);
}

double HitRate::lower_bound() const {
  if (flips == 0) return 0;
  const double n = static_cast<double>(flips), p = static_cast<double>(hits) / n, z = 1.96;
  const double middle = p + z * z / (2 * n), spread = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return (middle - spread) / (1 + z * z / n);
}

Causes::Causes(const Run& run, GainModel model) : run_(run), model_(model), epochs_(run.epoch_numbers()) {
  if (epochs_.size() < 2)
    fail("{}: expected at least two recorded epochs to tell why something changed, found {}",
         run.folder().string(), epochs_.size());
}

const RecordedEpoch& Causes::recorded(int epoch) const {
  const std::scoped_lock lock(mutex_);
  auto& entry = recorded_[epoch];
  if (!entry) entry = std::make_unique<RecordedEpoch>(run_, epoch);
  return *entry;
}

const StepPushes& Causes::step(size_t first) const {
  const RecordedEpoch &a = recorded(epochs_[first]), &b = recorded(epochs_[first + 1]);
  const std::scoped_lock lock(mutex_);
  auto& entry = steps_[first];
  if (!entry) entry = std::make_unique<StepPushes>(a, b, run_.labels(), model_);
  return *entry;
}

size_t Causes::index_of(int epoch, const char* what) const {
  const auto at = std::lower_bound(epochs_.begin(), epochs_.end(), epoch);
  if (at == epochs_.end() || *at != epoch)
    fail("{} {}: expected a recorded epoch ({}), found none of this number", what, epoch, listed(epochs_));
  return static_cast<size_t>(at - epochs_.begin());
}

std::vector<const StepPushes*> Causes::steps(int from, int to) const {
  const size_t first = index_of(from, "--from"), last = index_of(to, "--to");
  if (first >= last) fail("--from {} --to {}: expected an earlier and a later epoch", from, to);
  std::vector<const StepPushes*> found;
  for (size_t i = first; i < last; ++i) found.push_back(&step(i));
  return found;
}

Change Causes::change_of(int32_t sample, std::optional<int> from, std::optional<int> to) const {
  const int64_t samples = run_.manifest().sample_count();
  if (sample < 0 || sample >= samples)
    fail("--sample {}: expected a sample from 0 to {}", sample, samples - 1);
  const auto id = static_cast<size_t>(sample);
  const auto prediction = [&](size_t e) { return recorded(epochs_[e]).predictions()[id]; };
  Change change{sample, 0, 0, 0, 0};
  if (!from && !to) {
    size_t last = epochs_.size() - 1;
    while (last > 0 && prediction(last) == prediction(last - 1)) --last;
    if (last == 0)
      fail("sample {}: its prediction never changed; name the epochs to compare with --from and --to",
           sample);
    change.from = epochs_[last - 1];
    change.to = epochs_[last];
  } else {
    const size_t first = from ? index_of(*from, "--from") : 0, last = to ? index_of(*to, "--to") : 0;
    if (from && !to && first + 1 == epochs_.size())
      fail("--from {}: expected an epoch with a later one recorded, found the last", *from);
    if (to && !from && last == 0)
      fail("--to {}: expected an epoch with an earlier one, found the first", *to);
    change.from = from ? *from : epochs_[last - 1];
    change.to = to ? *to : epochs_[first + 1];
    if (change.from >= change.to)
      fail("--from {} --to {}: expected an earlier and a later epoch", change.from, change.to);
  }
  const RecordedEpoch& after = recorded(change.to);
  change.from_class = recorded(change.from).predictions()[id];
  change.to_class = after.predictions()[id];
  if (change.from_class == change.to_class) {
    const int32_t label = run_.labels()[id];
    if (label >= 0 && label != change.from_class) {
      change.to_class = label;
    } else {
      change.to_class = change.from_class == 0 ? 1 : 0;
      for (int32_t c = 0; c < run_.manifest().class_count(); ++c)
        if (c != change.from_class && after.logits()(sample, c) > after.logits()(sample, change.to_class))
          change.to_class = c;
    }
  }
  return change;
}

std::vector<int32_t> Causes::changed(std::span<const int32_t> samples, int from, int to) const {
  index_of(from, "--from");
  index_of(to, "--to");
  const auto &before = recorded(from).predictions(), &after = recorded(to).predictions();
  std::vector<int32_t> found;
  for (const int32_t id : samples)
    if (before[static_cast<size_t>(id)] != after[static_cast<size_t>(id)]) found.push_back(id);
  return found;
}

HitRate Causes::hit_rate(int from, int to) const {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = hit_rates_.find({from, to}); known != hit_rates_.end()) return known->second;
  }
  const auto over = steps(from, to);
  const auto &before = over.front()->before(), &after = over.back()->after();
  std::vector<bool> trained(before.predictions().size(), false);
  for (const StepPushes* s : over)
    for (const int32_t id : s->train()) trained[static_cast<size_t>(id)] = true;
  const Manifest& manifest = run_.manifest();
  std::vector<int32_t> ids = manifest.ids_of_role("test");
  if (ids.empty()) {
    ids.resize(trained.size());
    std::iota(ids.begin(), ids.end(), 0);
  }
  std::erase_if(ids, [&](int32_t id) { return trained[static_cast<size_t>(id)]; });
  HitRate rate;
  for (const int32_t id : ids) {
    const int32_t was = before.predictions()[static_cast<size_t>(id)],
                  is = after.predictions()[static_cast<size_t>(id)];
    if (was == is) continue;
    double change = 0;
    for (const StepPushes* s : over) change += s->predicted(id, was, is);
    ++rate.flips;
    rate.hits += change > 0;
  }
  const std::scoped_lock lock(mutex_);
  return hit_rates_[{from, to}] = rate;
}

std::optional<double> Causes::explained(const Change& change) const {
  double by_heads = 0;
  const auto i = change.sample;
  for (const StepPushes* s : steps(change.from, change.to)) {
    const auto &a = s->before(), &b = s->after();
    if (!a.head() || !b.head()) return std::nullopt;
    const auto row = [&](const RecordedEpoch& e, int32_t c) { return e.head()->weight.row(c); };
    const auto bias = [&](const RecordedEpoch& e, int32_t c) {
      return e.head()->bias[static_cast<size_t>(c)];
    };
    const int32_t t = change.to_class, f = change.from_class;
    by_heads += double{bias(b, t)} - bias(b, f) - bias(a, t) + bias(a, f);
    for (int64_t j = 0; j < a.features().cols; ++j)
      by_heads += (double{row(b, t)[j]} - row(b, f)[j] - row(a, t)[j] + row(a, f)[j]) *
                  (double{a.features()(i, j)} + b.features()(i, j)) / 2;
  }
  const auto &first = recorded(change.from).logits(), &last = recorded(change.to).logits();
  const double all = double{last(i, change.to_class)} - last(i, change.from_class) -
                     first(i, change.to_class) + first(i, change.from_class);
  if (all == 0) return std::nullopt;
  return std::clamp(by_heads / all, 0.0, 1.0);
}

std::vector<int32_t> Causes::push_all(std::span<const Change> changes, int from, int to,
                                      Matrix& pushes) const {
  std::vector<int32_t> samples, from_class, to_class;
  for (const Change& c : changes) {
    samples.push_back(c.sample);
    from_class.push_back(c.from_class);
    to_class.push_back(c.to_class);
  }
  const auto over = steps(from, to);
  const auto count = static_cast<int64_t>(changes.size());
  std::vector<int32_t> ids = over.front()->train();
  const bool same = std::all_of(over.begin(), over.end(), [&](auto* s) { return s->train() == ids; });
  if (!same) {
    std::vector<int32_t> merged;
    for (const StepPushes* s : over) {
      merged.clear();
      std::set_union(ids.begin(), ids.end(), s->train().begin(), s->train().end(),
                     std::back_inserter(merged));
      ids.swap(merged);
    }
  }
  pushes = Matrix(count, static_cast<int64_t>(ids.size()));
  for (const StepPushes* s : over) {
    if (same) {
      s->add_pushes(samples, from_class, to_class, pushes.mut());
      continue;
    }
    Matrix own(count, static_cast<int64_t>(s->train().size()));
    s->add_pushes(samples, from_class, to_class, own.mut());
    size_t at = 0;
    for (size_t z = 0; z < s->train().size(); ++z) {
      while (ids[at] != s->train()[z]) ++at;
      for (int64_t i = 0; i < count; ++i)
        pushes(i, static_cast<int64_t>(at)) += own(i, static_cast<int64_t>(z));
    }
  }
  return ids;
}

std::vector<Pusher> Causes::strongest(std::span<const int32_t> ids, std::span<const float> pushes,
                                      double sign, size_t limit, int epoch) const {
  double all = 0;
  std::vector<int32_t> order;
  for (size_t z = 0; z < ids.size(); ++z)
    if (sign * pushes[z] > 0) {
      all += sign * pushes[z];
      order.push_back(static_cast<int32_t>(z));
    }
  limit = std::min(limit, order.size());
  const auto amount = [&](int32_t z) { return sign * pushes[static_cast<size_t>(z)]; };
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(limit), order.end(),
      [&](int32_t a, int32_t b) { return amount(a) != amount(b) ? amount(a) > amount(b) : a < b; });
  const auto& predictions = recorded(epoch).predictions();
  std::vector<Pusher> found;
  for (size_t k = 0; k < limit; ++k) {
    const int32_t id = ids[static_cast<size_t>(order[k])];
    found.push_back({id, amount(order[k]) / all, run_.labels()[static_cast<size_t>(id)],
                     predictions[static_cast<size_t>(id)]});
  }
  return found;
}

Explanation Causes::explain(const Change& change, size_t limit) const {
  return explain(std::span(&change, 1), limit).front();
}

std::vector<Explanation> Causes::explain(std::span<const Change> changes, size_t limit) const {
  std::vector<Explanation> found(changes.size());
  // Those over the same interval together.
  std::map<std::pair<int, int>, std::vector<size_t>> over;
  for (size_t i = 0; i < changes.size(); ++i) over[{changes[i].from, changes[i].to}].push_back(i);
  for (const auto& [interval, members] : over) {
    const auto [from, to] = interval;
    const HitRate rate = hit_rate(from, to);
    for (size_t begin = 0; begin < members.size(); begin += batch) {
      std::vector<Change> now;
      for (size_t m = begin; m < std::min(begin + batch, members.size()); ++m)
        now.push_back(changes[members[m]]);
      Matrix pushes;
      const auto ids = push_all(now, from, to, pushes);
      for (size_t m = 0; m < now.size(); ++m) {
        Explanation& e = found[members[begin + m]];
        const std::span row(pushes.row(static_cast<int64_t>(m)), ids.size());
        const auto &first = recorded(from).logits(), &last = recorded(to).logits();
        const int32_t i = now[m].sample, f = now[m].from_class, t = now[m].to_class;
        e.change = now[m];
        e.pushers = strongest(ids, row, 1, limit, from);
        e.against = strongest(ids, row, -1, limit, from);
        e.hit_rate = rate;
        e.explained = explained(now[m]);
        e.margin_change = double{last(i, t)} - last(i, f) - first(i, t) + first(i, f);
        e.predicted_change = std::accumulate(row.begin(), row.end(), 0.0);
        if (rate.flips == 0)
          e.doubt =
              "no sample outside the training set flipped in this interval, so nothing tells how good "
              "the answer is";
        else if (rate.lower_bound() <= 0.5)
          e.doubt = fmt::format(
              "in this interval the pushes name the right direction for only {} of the {} held-out samples "
              "that flipped, which a coin might reach too",
              rate.hits, rate.flips);
        else if ((e.predicted_change > 0) != (e.margin_change > 0))
          e.doubt = "on this sample the pushes add up to the opposite of what happened";
      }
    }
  }
  return found;
}

std::vector<float> Causes::shares(const Change& change) const {
  Matrix pushes;
  const auto ids = push_all(std::span(&change, 1), change.from, change.to, pushes);
  double forth = 0, back = 0;
  for (size_t z = 0; z < ids.size(); ++z) {
    const float p = pushes(0, static_cast<int64_t>(z));
    (p > 0 ? forth : back) += std::abs(p);
  }
  std::vector<float> found(run_.labels().size(), 0.f);
  for (size_t z = 0; z < ids.size(); ++z) {
    const float p = pushes(0, static_cast<int64_t>(z));
    if (p != 0) found[static_cast<size_t>(ids[z])] = static_cast<float>(p / (p > 0 ? forth : back));
  }
  return found;
}

std::vector<Change> Causes::changes_of(std::span<const int32_t> samples, int from, int to, size_t most,
                                       int64_t& changes) const {
  std::vector<Change> all;
  for (const int32_t id : changed(samples, from, to)) all.push_back(change_of(id, from, to));
  changes = static_cast<int64_t>(all.size());
  if (all.size() <= most) return all;
  std::vector<Change> some;
  for (size_t i = 0; i < most; ++i) some.push_back(all[i * all.size() / most]);
  return some;
}

std::vector<int32_t> Causes::sum_shares(std::span<const Change> changes, int from, int to,
                                        std::vector<float>& towards, std::vector<float>& away) const {
  std::vector<int32_t> ids;
  for (size_t begin = 0; begin < changes.size(); begin += batch) {
    const auto now = changes.subspan(begin, std::min(batch, changes.size() - begin));
    Matrix pushes;
    ids = push_all(now, from, to, pushes);
    towards.resize(ids.size(), 0.f);
    away.resize(ids.size(), 0.f);
    for (int64_t i = 0; i < pushes.rows(); ++i) {
      double forth = 0, back = 0;
      for (size_t z = 0; z < ids.size(); ++z) {
        const float p = pushes(i, static_cast<int64_t>(z));
        (p > 0 ? forth : back) += std::abs(p);
      }
      for (size_t z = 0; z < ids.size(); ++z) {
        const float p = pushes(i, static_cast<int64_t>(z));
        if (p > 0) towards[z] += static_cast<float>(p / forth);
        if (p < 0) away[z] += static_cast<float>(-p / back);
      }
    }
  }
  return ids;
}

Causes::MeanShares Causes::mean_shares(std::span<const int32_t> samples, int from, int to,
                                       size_t most_samples) const {
  MeanShares found;
  found.shares.assign(run_.labels().size(), 0.f);
  const auto changes = changes_of(samples, from, to, most_samples, found.changed);
  std::vector<float> towards, away;
  const auto ids = sum_shares(changes, from, to, towards, away);
  for (size_t z = 0; z < ids.size(); ++z)
    found.shares[static_cast<size_t>(ids[z])] = (towards[z] - away[z]) / static_cast<float>(changes.size());
  return found;
}

CommonCauses Causes::common(std::span<const int32_t> samples, int from, int to, size_t limit,
                            size_t most_samples) const {
  CommonCauses found;
  found.from = from;
  found.to = to;
  found.hit_rate = hit_rate(from, to);
  const auto changes = changes_of(samples, from, to, most_samples, found.changed);
  found.samples = static_cast<int64_t>(changes.size());
  if (changes.empty()) return found;
  std::vector<float> towards, away;
  const auto ids = sum_shares(changes, from, to, towards, away);
  found.pushers = strongest(ids, towards, 1, limit, from);
  found.against = strongest(ids, away, 1, limit, from);
  return found;
}

}  // namespace dvi
