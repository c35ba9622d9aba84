#include "fit/epoch_data.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "comm/shared_for.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/release.h"
#include "core/seed.h"
#include "fit/prepared_epochs.h"
#include "graph/bound_codes.h"
#include "graph/neighbor_index.h"
#include "project/places_among.h"
#include "run/feature_scale.h"

namespace dvi {
namespace {

BoundarySet draw_boundary(const Run& run, const Epoch& epoch, const SampleSets& sets, EpochData& data,
                          uint64_t seed) {
  // One for each sample of a class; more say nothing new of where the boundary runs.
  constexpr int64_t most = 100000;
  BoundaryOptions options;
  options.count =
      std::clamp<int64_t>(static_cast<int64_t>(sets.train.size()) / run.manifest().class_count(), 1, most);
  options.seed = seed;
  if (data.subject->has_features() && run.inputs())
    return sample_boundary_inputs(*data.subject, InputReader(run, epoch), sets.train, data.logits, options);
  return sample_boundary_features(*data.subject, data.features, sets.train, data.logits, options);
}

/// The fit's boundary samples and those of the evaluation.
void find_boundary(const Run& run, const Epoch& epoch, const SampleSets& sets, uint64_t seed,
                   EpochData& data) {
  const auto recorded = epoch.boundary_features();
  constexpr uint64_t boundary_seeds = 1000003;
  const auto seed_of = [&](uint64_t set) {  // 0: the fit's boundary samples, 1: the evaluation's
    return derived_seed(seed, boundary_seeds, static_cast<uint64_t>(data.number) * 2 + set);
  };
  data.boundary = recorded ? recorded_boundary(*data.subject, *recorded)
                           : draw_boundary(run, epoch, sets, data, seed_of(0));
  data.evaluation_boundary = draw_boundary(run, epoch, sets, data, seed_of(1));
}

std::vector<float> squared_distances(MatrixView a, MatrixView b) {
  std::vector<float> out(static_cast<size_t>(a.rows));
  const auto compare = [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      // Features that come back from a divergence are, in their own scale, out of reach of where they were.
      out[static_cast<size_t>(i)] = std::min(squared_distance(a.row(i), b.row(i), a.cols), 1e30f);
  };
  shared_for(a.rows, 1024, compare, {shared_rows(out)});
  return out;
}

void find_neighbors(const SampleSets& sets, EpochData& data) {
  const auto find = [&](const NeighborIndex& index, MatrixView queries, int k, bool same,
                        Queries wanted = Queries::all) {
    if (queries.rows == 0) return Neighbors{k, {}, {}};
    FoundNeighbors found = index.find(queries, k, same, wanted);
    data.neighbor_recall = std::min(data.neighbor_recall, found.recall);
    return std::move(found.neighbors);
  };
  Matrix train_copy, others_copy;
  const MatrixView train = view_rows(data.features, sets.train, train_copy),
                   others = view_rows(data.features, sets.other_ids, others_copy);
  const int k = std::min<int>(candidate_k, static_cast<int>(train.rows) - 1),
            measured = std::min(k, measure_k);
  const int64_t m = data.boundary.size();
  const NeighborIndex among_train(train);
  data.train_to_train = find(among_train, train, k, true, Queries::owned);
  const int k_other = std::min(k, std::max(measure_k, place_k));
  if (others.rows > 0) data.other_to_train = find(among_train, others, k_other, false);
  data.boundary_to_train = find(among_train, data.boundary.features, k, false, Queries::owned);
  data.evaluation_to_train =
      find(among_train, data.evaluation_boundary.features, k_other, false, Queries::owned);
  int64_t begin = 0;
  for (const auto& other : sets.others) {
    const auto count = static_cast<int64_t>(other.ids.size());
    Neighbors near = with_ids(nearest_of(rows_of(data.other_to_train, begin, count), measured), sets.train);
    if (count > 1) {
      const MatrixView own = others.slice(begin, count);
      near = merged(near,
                    with_ids(find(NeighborIndex(own, among_train), own,
                                  std::min<int>(measured, static_cast<int>(count) - 1), true),
                             other.ids),
                    measured);
    }
    data.other_neighbors.append(near);
    begin += count;
  }
  // The test set is the first of the others.
  if (const auto* test = sets.test(); test != nullptr && data.evaluation_boundary.size() > fit_k)
    data.test_to_evaluation = find(NeighborIndex(data.evaluation_boundary.features, among_train),
                                   others.slice(0, static_cast<int64_t>(test->ids.size())), fit_k, false);
  if (m < 2) return;
  const NeighborIndex among_boundary(data.boundary.features, among_train);
  const int kb = static_cast<int>(std::min<int64_t>(fit_k, m - 1));
  data.train_to_boundary = find(among_boundary, train, kb, false, Queries::owned);
  data.boundary_to_boundary = find(among_boundary, data.boundary.features, kb, true, Queries::owned);
  if (data.evaluation_boundary.size() > 0)
    data.evaluation_to_boundary =
        find(among_boundary, data.evaluation_boundary.features, kb, false, Queries::owned);
}

/// Features, classifier and what it says of the samples.
Epoch load_recorded(EpochData& data, const Run& run) {
  const Epoch epoch = run.epoch(data.number);
  data.features = epoch.mapped_features();
  data.feature_scale = feature_scale(epoch);
  data.subject = open_subject(run, epoch, one_process_with_cuda() ? ModelPlace::device : ModelPlace::threads);
  data.logits = epoch_logits(epoch, data.features, *data.subject);
  const int64_t samples = data.logits.rows();
  const RowRange own = owned_rows(samples);
  data.verdicts.resize(static_cast<size_t>(samples));
  std::ranges::copy(judge(data.logits.view().slice(own.begin, own.size())),
                    data.verdicts.begin() + own.begin);
  gather_shared(samples, owned_grain, shared_rows(data.verdicts));
  return epoch;
}

std::array<Neighbors*, 10> lists_of(EpochData& data) {
  return {&data.train_to_train,    &data.train_neighbors,     &data.other_to_train,
          &data.other_neighbors,   &data.train_to_boundary,   &data.boundary_to_boundary,
          &data.boundary_to_train, &data.evaluation_to_train, &data.evaluation_to_boundary,
          &data.test_to_evaluation};
}

/// Calls visit(array) for every array that load_epoch() finds by searching, always in the same order.
template <typename Visit>
void for_found(EpochData& data, const Visit& visit) {
  for (auto* set : {&data.boundary, &data.evaluation_boundary}) {
    visit(set->features);
    visit(set->logits);
    visit(set->classes);
    visit(set->origins);
  }
  for (auto* list : lists_of(data)) {
    visit(list->index);
    visit(list->distance);
  }
}

int64_t bytes_in(const Matrix& m) { return m.rows() * m.cols() * static_cast<int64_t>(sizeof(float)); }
template <typename T>
int64_t bytes_in(const std::vector<T>& values) {
  return static_cast<int64_t>(values.size() * sizeof(T));
}

/// Takes what is prepared of the epoch if every rank finds it: another process may be storing it just now.
bool find_prepared(const PreparedEpochs& prepared, EpochData& data) {
  int64_t found = prepared.find(data) ? 1 : 0;
  comm().sum({&found, 1});
  if (found == comm().size()) return true;
  for (auto* list : lists_of(data)) *list = {};
  data.boundary = {};
  data.evaluation_boundary = {};
  data.neighbor_recall = 1;
  return false;
}

}  // namespace

SampleSets SampleSets::of(const Run& run) {
  SampleSets sets;
  sets.train = run.manifest().ids_of_role("train");
  if (sets.train.empty()) {
    sets.train.resize(static_cast<size_t>(run.manifest().sample_count()));
    std::iota(sets.train.begin(), sets.train.end(), 0);
  } else {
    const auto test = run.manifest().ids_of_role("test");
    if (!test.empty()) sets.others.push_back({"test", test});
    for (const auto& group : run.manifest().groups) {
      if (group.role == "train" || group.role == "test" || group.count == 0) continue;
      std::vector<int32_t> ids(static_cast<size_t>(group.count));
      std::iota(ids.begin(), ids.end(), static_cast<int32_t>(group.begin));
      sets.others.push_back({group.role, std::move(ids)});
    }
  }
  for (const auto& other : sets.others)
    sets.other_ids.insert(sets.other_ids.end(), other.ids.begin(), other.ids.end());
  if (static_cast<int>(sets.train.size()) <= fit_k)
    fail("{}: expected at least {} samples of role train, found {}; record more samples",
         (run.folder() / "run.json").string(), fit_k + 1, sets.train.size());
  return sets;
}

const SampleSets::Other* SampleSets::test() const {
  for (const auto& other : others)
    if (other.role == "test") return &other;
  return nullptr;
}

std::vector<Verdict> verdicts_of(const EpochData& data, std::span<const int32_t> ids) {
  std::vector<Verdict> out;
  for (const int32_t id : ids) out.push_back(data.verdicts[static_cast<size_t>(id)]);
  return out;
}

SampleNeighbors sample_neighbors(const SampleSets& sets, const Neighbors& train, const Neighbors& other) {
  SampleNeighbors out;
  out.k = std::min(fit_k, train.k);
  out.train = nearest_of(train, static_cast<int>(out.k)).index;
  if (!sets.other_ids.empty()) out.other = nearest_of(other, static_cast<int>(out.k)).index;
  return out;
}

SampleNeighbors sample_neighbors(const SampleSets& sets, const EpochData& data) {
  if (data.train_to_train.k == 0) return sample_neighbors(sets, data.train_neighbors, data.other_neighbors);
  return sample_neighbors(sets, with_ids(nearest_of(data.train_to_train, fit_k), sets.train),
                          data.other_neighbors);
}

std::vector<int32_t> neighbors_by_sample(const SampleSets& sets, SampleNeighbors near) {
  const std::vector<int32_t> train = collected(std::move(near.train));
  if (comm().rank() > 0) return {};
  std::vector<int32_t> all(train.size() + near.other.size());
  const auto put = [&](std::span<const int32_t> ids, const std::vector<int32_t>& from) {
    for (size_t i = 0; i < ids.size(); ++i)
      std::copy_n(from.begin() + static_cast<int64_t>(i) * near.k, near.k, all.begin() + ids[i] * near.k);
  };
  put(sets.train, train);
  put(sets.other_ids, near.other);
  return all;
}

ClassifierSnapshot classifier_snapshot(const SampleSets& sets, const EpochData& data) {
  ClassifierSnapshot out;
  for (const auto& verdict : data.verdicts) out.predictions.push_back(verdict.prediction);
  out.neighbors = sample_neighbors(sets, data);
  return out;
}

std::vector<float> neighbor_preserving_rate(const SampleSets& sets, const SampleNeighbors& now,
                                            const ClassifierSnapshot& earlier) {
  const int64_t k = std::min(now.k, earlier.neighbors.k);
  // Of the rows of two lists, into rate[0], rate[1], ...
  const auto compare = [&](const std::vector<int32_t>& a, const std::vector<int32_t>& b, float* rate) {
    parallel_for(std::ssize(a) / std::max<int64_t>(1, now.k), 1024, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const auto in = a.begin() + i * now.k, before = b.begin() + i * earlier.neighbors.k;
        const auto kept = std::count_if(before, before + k,
                                        [&](int32_t id) { return std::find(in, in + k, id) != in + k; });
        rate[i] = static_cast<float>(kept) / static_cast<float>(k);
      }
    });
  };
  const auto count = static_cast<int64_t>(sets.train.size());
  std::vector<float> train(sets.train.size()), other(sets.other_ids.size());
  compare(now.train, earlier.neighbors.train, train.data() + owned_rows(count).begin);
  gather_shared(count, owned_grain, shared_rows(train));
  compare(now.other, earlier.neighbors.other, other.data());
  std::vector<float> rate(train.size() + other.size());
  for (size_t i = 0; i < train.size(); ++i) rate[static_cast<size_t>(sets.train[i])] = train[i];
  for (size_t i = 0; i < other.size(); ++i) rate[static_cast<size_t>(sets.other_ids[i])] = other[i];
  return rate;
}

EpochData load_epoch(const Run& run, const SampleSets& sets, int number, uint64_t seed,
                     std::optional<int> before, const PreparedEpochs* prepared) {
  EpochData data;
  data.number = number;
  Stopwatch watch;
  const Epoch epoch = load_recorded(data, run);
  if (before)
    data.squared_displacement =
        squared_distances(features_times(run.epoch(*before), data.feature_scale), data.features);
  const bool found = prepared != nullptr && find_prepared(*prepared, data);
  data.seconds["load"] = watch.lap();
  if (!found) {
    find_boundary(run, epoch, sets, seed, data);
    data.seconds["boundary"] = watch.lap();
    data.seconds["boundary_subject"] = data.boundary.model_seconds + data.evaluation_boundary.model_seconds;
    find_neighbors(sets, data);
    for (auto* set : {&data.boundary, &data.evaluation_boundary}) keep_passed_features(*set);
    data.seconds["neighbors"] = watch.lap();
  }
  if (!data.boundary.note.empty()) say(fmt::format("epoch {}: {}", number, data.boundary.note));
  if (data.neighbor_recall < 1)
    say(fmt::format("epoch {}: neighbours are approximate, with a measured recall of {:.4f}", number,
                    data.neighbor_recall));
  return data;
}

void keep_passed_features(BoundarySet& set) {
  const RowRange own = passed_rows(set.size());
  Matrix kept(own.size(), set.features.cols());
  std::ranges::copy(set.features.view().slice(own.begin, own.size()).span(), kept.data());
  set.features = std::move(kept);
}

Matrix whole_features(const BoundarySet& set) {
  Matrix whole(set.size(), set.features.cols());
  std::ranges::copy(set.features.view().span(), whole.row(passed_rows(set.size()).begin));
  gather_shared(set.size(), pass_grain, shared_rows(whole.mut()));
  return whole;
}

void drop_candidates(const SampleSets& sets, EpochData& data) {
  data.train_neighbors = with_ids(nearest_of(data.train_to_train, measure_k), sets.train);
  data.train_to_train = {};
}

int64_t found_bytes(EpochData& data) {
  int64_t bytes = 0;
  for_found(data, [&](const auto& array) { bytes += bytes_in(array); });
  return bytes;
}

void put_aside(EpochData& data, ScratchFile* file) {
  if (file != nullptr)
    for_found(data, [&](auto& array) {
      file->put(array);
      release(array);
    });
  release(data.features);
  release(data.logits);
  release(data.verdicts);
  release(data.squared_displacement);
  data.subject = nullptr;
}

void take_back(EpochData& data, const Run& run, ScratchFile* file) {
  Stopwatch watch;
  load_recorded(data, run);
  if (file != nullptr) for_found(data, [&](auto& array) { file->get(array); });
  data.seconds["load"] += watch.lap();
}

}  // namespace dvi
