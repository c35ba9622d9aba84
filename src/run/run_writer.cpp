#include "run/run_writer.h"

#include "core/error.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

void write_vector(const fs::path& file, DType dtype, size_t count, const void* data) {
  const int64_t shape[] = {static_cast<int64_t>(count)};
  write_npy(file, dtype, shape, data);
}

void write_column(const fs::path& folder, const std::string& name, std::span<const float> values) {
  if (!is_plain_name(name))
    fail("column \"{}\": expected a name that can name a file (no slash, no leading dot)", name);
  make_folder(folder / "columns");
  write_vector(folder / "columns" / (name + ".npy"), DType::f32, values.size(), values.data());
}

int expect_epoch_number(int number) {
  if (number < 0 || number > 999999) fail("epoch {}: expected a number from 0 to 999999", number);
  return number;
}

}  // namespace

EpochWriter::EpochWriter(const fs::path& run_folder, int number)
    : number_(expect_epoch_number(number)),
      folder_(run_folder / "epochs" / epoch_folder_name(number)),
      final_folder_(run_folder / "epochs" / epoch_folder_name(number)) {
  if (fs::exists(final_folder_ / "epoch.json"))
    fail(
        "{}: expected an epoch that is not recorded yet, found one; remove it first or record another number",
        final_folder_.string());
}

void EpochWriter::features(MatrixView m) { write_npy(folder() / "features.npy", m); }
void EpochWriter::logits(MatrixView m) { write_npy(folder() / "logits.npy", m); }

void EpochWriter::linear_head(MatrixView weight, std::span<const float> bias) {
  write_npy(folder() / "head_weight.npy", weight);
  write_vector(folder() / "head_bias.npy", DType::f32, bias.size(), bias.data());
}

void EpochWriter::training_set(std::span<const int32_t> ids) {
  write_vector(folder() / "training_set.npy", DType::i32, ids.size(), ids.data());
}

void EpochWriter::column(const std::string& name, std::span<const float> values) {
  write_column(folder(), name, values);
}

void EpochWriter::group_inputs(const std::string& group, DType dtype, std::span<const int64_t> shape,
                               const void* data) {
  if (!is_plain_name(group))
    fail("group \"{}\": expected a name that can name a file (no slash, no leading dot)", group);
  make_folder(folder() / "inputs");
  write_npy(folder() / "inputs" / (group + ".npy"), dtype, shape, data);
}

void EpochWriter::name(const std::string& label, double at) {
  if (label.empty() || label.size() > 200)
    fail("epoch {}: expected a label of 1 to 200 bytes, found {}", number_, label.size());
  named_ = {{"label", label}, {"at", at}};
}

void EpochWriter::commit(Json scalars) {
  scalars.update(named_);
  scalars["epoch"] = number_;
  write_json(folder() / "epoch.json", scalars);
  folder_.finish();
}

RunWriter::RunWriter(fs::path folder, Manifest manifest)
    : folder_(std::move(folder)), manifest_(std::move(manifest)) {
  if (fs::exists(folder_) && (!fs::is_directory(folder_) || !fs::is_empty(folder_)))
    fail("{}: expected a new or empty folder to record into, found {}; choose another name or remove it",
         folder_.string(), fs::is_directory(folder_) ? "files in it" : "a file");
  Manifest::from_json(manifest_.to_json(), folder_ / "run.json");
  make_folder(folder_ / "epochs");
}

void RunWriter::labels(std::span<const int32_t> labels) {
  if (static_cast<int64_t>(labels.size()) != manifest_.sample_count())
    fail("labels: expected one for each of the {} samples, found {}", manifest_.sample_count(),
         labels.size());
  write_vector(folder_ / "labels.npy", DType::i32, labels.size(), labels.data());
}

void RunWriter::inputs(DType dtype, std::span<const int64_t> shape, const void* data) {
  write_npy(folder_ / "inputs.npy", dtype, shape, data);
}

void RunWriter::column(const std::string& name, std::span<const float> values) {
  write_column(folder_, name, values);
}

void RunWriter::begin() { write_json(folder_ / "run.json", manifest_.to_json()); }

void RunWriter::finish() {
  manifest_.finished = true;
  begin();
}

}  // namespace dvi
