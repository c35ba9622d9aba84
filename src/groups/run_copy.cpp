#include "groups/run_copy.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "core/error.h"
#include "core/file.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

std::string descr_of(DType dtype) {
  switch (dtype) {
    case DType::u8:
      return "'|u1'";
    case DType::f16:
      return "'<f2'";
    case DType::f32:
      return "'<f4'";
    case DType::i32:
      return "'<i4'";
    case DType::i64:
      return "'<i8'";
    default:
      fail("expected an array of float16, float32, uint8, int32 or int64, found {}", dtype_name(dtype));
  }
}

void write_parts(const NpyArray& array, int64_t rows, std::initializer_list<std::span<const std::byte>> parts,
                 const fs::path& to) {
  std::vector<int64_t> shape = array.shape();
  shape[0] = rows;
  const std::string header = npy_header_text(descr_of(array.dtype()), shape);
  const auto front = std::as_bytes(std::span(header));
  const auto* part = parts.begin();
  write_file_atomically(to, {front, part[0], part[1]});
  array.expect_whole();
}

bool is_left_behind(const std::string& name) {
  return name == ".lock" || name.find(".tmp-") != std::string::npos ||
         (name.front() == '.' && name.ends_with(".unfinished"));
}

}  // namespace

SampleFile sample_file(const fs::path& path) {
  static const std::set<std::string> epoch_rows = {"features.npy", "logits.npy"};
  static const std::set<std::string> view_rows = {
      "positions.npy",     "encoder_positions.npy", "predictions.npy", "runner_up.npy", "confidence.npy",
      "margin.npy",        "round_trip.npy",        "neighbors.npy",   "moved.npy",     "plane_neighbors.npy",
      "neighbors_kept.npy"};
  std::vector<std::string> parts;
  for (const auto& part : path) parts.push_back(part.string());
  const std::string& name = parts.back();
  const bool array = path.extension() == ".npy";
  if (parts.size() == 1) {
    if (name == "labels.npy" || name == "inputs.npy") return SampleFile::rows;
    if (name == "texts.txt" || name == "rows.csv") return SampleFile::lines;
    return name == "run.json" ? SampleFile::other : SampleFile::none;
  }
  if (parts[0] == "columns" && parts.size() == 2 && array) return SampleFile::column;
  if (parts[0] == "selections") return SampleFile::other;
  if (parts[0] == "epochs" && parts.size() == 3) {
    if (name == "training_set.npy") return SampleFile::ids;
    return epoch_rows.contains(name) ? SampleFile::rows : SampleFile::none;
  }
  if (parts[0] == "epochs" && parts.size() == 4 && parts[2] == "columns" && array) return SampleFile::column;
  if (parts[0] == "views" && parts.size() == 3 && name == "events.npy") return SampleFile::other;
  if (parts[0] == "views" && parts.size() == 5 && parts[2] == "epochs" && view_rows.contains(name))
    return SampleFile::rows;
  return SampleFile::none;
}

ViewLocks::ViewLocks(const Run& run) {
  for (const auto& name : run.view_names()) {
    const int file = ::open((run.view_folder(name) / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0)
      fail("{}: cannot be written: {}; check the folder and its rights", run.view_folder(name).string(),
           std::strerror(errno));
    files_.push_back(file);
    if (flock(file, LOCK_EX | LOCK_NB) == 0) continue;
    for (const int open : files_) close(open);
    fail("{}: expected a view that nobody is fitting, found a 'dvi fit' at work on it; wait for it",
         run.view_folder(name).string());
  }
}

ViewLocks::~ViewLocks() {
  for (const int file : files_) close(file);
}

void copy_run(const fs::path& from, const fs::path& to,
              const std::function<bool(const fs::path&, const fs::path&, const fs::path&)>& write) {
  const auto copy = [&](const auto& self, const fs::path& path) -> void {
    for (const auto& entry : fs::directory_iterator(from / path)) {
      const std::string name = entry.path().filename().string();
      if (is_left_behind(name)) continue;
      const fs::path relative = path / name;
      if (fs::is_directory(entry.path())) {
        make_folder(to / relative);
        self(self, relative);
        continue;
      }
      if (write(relative, entry.path(), to / relative)) continue;
      // Nobody writes into a file of a run, so old and new run may share it.
      std::error_code cannot_link;
      fs::create_hard_link(fs::canonical(entry.path()), to / relative, cannot_link);
      if (cannot_link) copy_regular_file(entry.path(), to / relative);
    }
  };
  copy(copy, {});
}

void append_rows(const NpyArray& array, std::span<const std::byte> more, int64_t count, const fs::path& to) {
  const size_t bytes = static_cast<size_t>(array.size()) * dtype_size(array.dtype());
  write_parts(array, array.rows() + count, {{array.bytes(), bytes}, more}, to);
}

void drop_rows(const NpyArray& array, int64_t begin, int64_t count, const fs::path& to) {
  const size_t row = static_cast<size_t>(array.row_size()) * dtype_size(array.dtype());
  const auto first = static_cast<size_t>(begin), last = static_cast<size_t>(begin + count),
             all = static_cast<size_t>(array.rows());
  write_parts(array, array.rows() - count,
              {{array.bytes(), first * row}, {array.bytes() + last * row, (all - last) * row}}, to);
}

std::vector<std::byte> in_dtype(DType dtype, std::span<const float> values) {
  std::vector<std::byte> bytes(values.size() * dtype_size(dtype));
  const auto fill = [&](auto convert) {
    for (size_t i = 0; i < values.size(); ++i) {
      const auto value = convert(values[i]);
      std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
    }
  };
  switch (dtype) {
    case DType::f32:
      fill([](float v) { return v; });
      break;
    case DType::f16:
      fill([](float v) { return float_to_half(v); });
      break;
    case DType::u8:
      fill([](float v) { return static_cast<uint8_t>(v); });
      break;
    case DType::i32:
      fill([](float v) { return static_cast<int32_t>(v); });
      break;
    case DType::i64:
      fill([](float v) { return static_cast<int64_t>(v); });
      break;
    default:
      (void)descr_of(dtype);  // throws
  }
  return bytes;
}

}  // namespace dvi
