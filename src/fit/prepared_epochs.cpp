#include "fit/prepared_epochs.h"

#include <algorithm>
#include <bit>
#include <map>

#include "comm/shared_for.h"
#include "core/error.h"
#include "core/npy.h"
#include "project/places_among.h"
#include "run/epoch_names.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

/// Differs where a value does: a multiplicative hash of the bits, eight lanes at once.
uint64_t content_of(MatrixView values) {
  constexpr uint64_t multiplier = 0x9E3779B97F4A7C15ull;
  uint64_t lane[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  const auto all = values.span();
  for (size_t i = 0; i < all.size(); ++i)
    lane[i % 8] = (std::rotl(lane[i % 8], 29) ^ std::bit_cast<uint32_t>(all[i])) * multiplier;
  uint64_t sum = all.size();
  for (const uint64_t l : lane) sum = (std::rotl(sum, 29) ^ l) * multiplier;
  return sum;
}

/// Calls visit(name, list) for each list of neighbours that all ranks have, and own(name, list) for those of
/// which they own rows.
template <typename Data, typename Own, typename Visit>
void for_lists(Data& data, const Own& own, const Visit& visit) {
  own("train_to_train", data.train_to_train);
  own("train_to_boundary", data.train_to_boundary);
  own("boundary_to_boundary", data.boundary_to_boundary);
  own("boundary_to_train", data.boundary_to_train);
  own("evaluation_to_train", data.evaluation_to_train);
  own("evaluation_to_boundary", data.evaluation_to_boundary);
  visit("other_to_train", data.other_to_train);
  visit("other_neighbors", data.other_neighbors);
  visit("test_to_evaluation", data.test_to_evaluation);
}

template <typename Data, typename Visit>
void for_boundaries(Data& data, const Visit& visit) {
  visit("boundary", data.boundary);
  visit("evaluation", data.evaluation_boundary);
}

template <typename T>
void write(const fs::path& file, const std::vector<T>& values, int64_t columns) {
  const int64_t shape[] = {static_cast<int64_t>(values.size()) / std::max<int64_t>(1, columns), columns};
  write_npy(file, shape, std::span<const T>(values));
}

/// All rows of the array, or those that this rank owns.
template <typename T>
std::vector<T> read(const fs::path& file, int64_t columns, bool owned = false) {
  const NpyArray array = NpyArray::open(file);
  array.expect_shape({-1, columns});
  const RowRange rows = owned ? owned_rows(array.rows()) : RowRange{0, array.rows()};
  const auto values = array.as<T>();
  std::vector<T> out(values.begin() + rows.begin * columns, values.begin() + rows.end * columns);
  array.expect_whole();
  return out;
}

void store_boundary(const fs::path& folder, const std::string& name, const BoundarySet& set,
                    const Matrix& features, Json& json) {
  write_npy(folder / (name + "_features.npy"), features);
  write_npy(folder / (name + "_logits.npy"), set.logits);
  std::vector<int32_t> classes;
  for (const auto& pair : set.classes) classes.insert(classes.end(), pair.begin(), pair.end());
  write(folder / (name + "_classes.npy"), classes, 2);
  json[name] = {{"from", set.from}, {"note", set.note}};
}

void find_boundary(const fs::path& folder, const std::string& name, const Json& json, BoundarySet& set) {
  set.features = NpyArray::open(folder / (name + "_features.npy")).to_matrix();
  set.logits = NpyArray::open(folder / (name + "_logits.npy")).to_matrix();
  const auto classes = read<int32_t>(folder / (name + "_classes.npy"), 2);
  set.classes.clear();
  for (size_t i = 0; i < classes.size(); i += 2) set.classes.push_back({classes[i], classes[i + 1]});
  keep_passed_features(set);
  set.from = json.at(name).at("from");
  set.note = json.at(name).at("note");
}

}  // namespace

PreparedEpochs::PreparedEpochs(fs::path view_folder, uint64_t seed)
    : folder_(std::move(view_folder) / "prepared"), seed_(seed) {}

fs::path PreparedEpochs::folder_of(int epoch) const { return folder_ / epoch_folder_name(epoch); }

Json PreparedEpochs::key(const EpochData& data) const {
  return {{"dvi", DVI_VERSION},
          {"seed", seed_},
          {"neighbors", {fit_k, measure_k, candidate_k, place_k}},
          {"content", fmt::format("{:016x}{:016x}", content_of(data.features), content_of(data.logits))}};
}

void PreparedEpochs::store(const EpochData& data) const {
  std::map<std::string, Neighbors> whole;
  for_lists(
      data,
      [&](const std::string& name, const Neighbors& own) {
        whole[name] = {own.k, collected(own.index), collected(own.distance)};
      },
      [](const std::string&, const Neighbors&) {});
  std::map<std::string, Matrix> features;
  for_boundaries(
      data, [&](const std::string& name, const BoundarySet& set) { features[name] = whole_features(set); });
  if (comm().rank() > 0) return;
  make_folder(folder_);
  UnfinishedFolder folder(folder_of(data.number));
  Json json = {{"key", key(data)}, {"neighbor_recall", data.neighbor_recall}};
  for_boundaries(data, [&](const std::string& name, const BoundarySet& set) {
    store_boundary(folder.path(), name, set, features.at(name), json);
  });
  const auto write_list = [&](const std::string& name, const Neighbors& list) {
    json["k"][name] = list.k;
    write(folder.path() / (name + ".npy"), list.index, list.k);
    write(folder.path() / (name + "_distances.npy"), list.distance, list.k);
  };
  for_lists(
      data, [&](const std::string& name, const Neighbors&) { write_list(name, whole.at(name)); }, write_list);
  write_json(folder.path() / "prepared.json", json);
  folder.finish();
}

bool PreparedEpochs::find(EpochData& data) const {
  const fs::path folder = folder_of(data.number);
  if (!fs::exists(folder / "prepared.json")) return false;
  const Json json = read_json(folder / "prepared.json");
  if (json.value("key", Json()) != key(data)) return false;
  data.neighbor_recall = json.at("neighbor_recall");
  for_boundaries(data,
                 [&](const std::string& name, BoundarySet& set) { find_boundary(folder, name, json, set); });
  const auto read_list = [&](const std::string& name, Neighbors& list, bool owned) {
    list.k = json.at("k").at(name);
    list.index = read<int32_t>(folder / (name + ".npy"), list.k, owned);
    list.distance = read<float>(folder / (name + "_distances.npy"), list.k, owned);
  };
  for_lists(
      data, [&](const std::string& name, Neighbors& list) { read_list(name, list, true); },
      [&](const std::string& name, Neighbors& list) { read_list(name, list, false); });
  return true;
}

void PreparedEpochs::remove(int epoch) const {
  std::error_code ignored;  // a later fit finds that it is not needed
  fs::remove_all(folder_of(epoch), ignored);
  fs::remove(folder_, ignored);  // if it is empty
}

}  // namespace dvi
