#include "project/new_samples.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "image/resize.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> row_names(int64_t rows) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < rows; ++i) names.push_back(std::to_string(i));
  return names;
}

const char* channels_text(int64_t channels) {
  static constexpr const char* names[] = {"grey", "grey with transparency", "red-green-blue",
                                          "red-green-blue with transparency"};
  return names[channels - 1];
}

bool is_opaque(const Picture& picture) {
  for (size_t i = static_cast<size_t>(picture.channels) - 1; i < picture.values.size();
       i += static_cast<size_t>(picture.channels))
    if (picture.values[i] != 255) return false;
  return true;
}

/// Whether recorded inputs hold pixels from 0 to 1: the other way than bytes that pictures are stored.
bool holds_unit_pixels(const InputReader& reader) {
  constexpr int32_t looked_at = 16;
  const auto& [kind, layout, scale, mean, deviation] = reader.spec();
  if (scale.has_value() && *scale != 1) return false;
  // As the model sees them: mean and std undone.
  std::vector<int32_t> ids(static_cast<size_t>(std::min<int64_t>(looked_at, reader.sample_count())));
  std::iota(ids.begin(), ids.end(), 0);
  const Matrix seen = reader.gather(ids);
  const int64_t channels = reader.sample_shape().front(), pixels = reader.sample_size() / channels;
  for (int64_t i = 0; i < seen.rows(); ++i)
    for (int64_t j = 0; j < seen.cols(); ++j) {
      const auto of = [&](const std::vector<double>& values, double otherwise) {
        return values.empty() ? otherwise : values[values.size() == 1 ? 0 : static_cast<size_t>(j / pixels)];
      };
      const double stored = seen(i, j) * of(deviation, 1) + of(mean, 0);
      if (stored < -1e-4 || stored > 1.0001) return false;
    }
  return true;
}

void expect_finite_numbers(const Matrix& values, const std::string& name) {
  for (int64_t i = 0; i < values.rows(); ++i)
    for (int64_t j = 0; j < values.cols(); ++j)
      if (!std::isfinite(values(i, j)))
        fail("{}: expected finite numbers, found {} in row {}; leave that sample out", name, values(i, j), i);
}

NewSamples samples_of_array(const Run& run, const NpyArray& array, SampleKind kind) {
  const auto name = array.path().string();
  const auto& shape = array.shape();
  if (shape.size() < 2)
    fail("{}: expected an array with a sample a row, found shape {}; give it two axes or more", name,
         shape_text(shape));
  Matrix values(array.rows(), array.row_size());
  const std::vector<float> floats = array.to_floats();
  std::ranges::copy(floats, values.data());
  const std::vector<int64_t> one(shape.begin() + 1, shape.end());
  const int64_t dim = run.manifest().feature_dim;
  const bool fits_features = one == std::vector<int64_t>{dim};
  const bool fits_inputs = run.inputs().has_value() && run.manifest().inputs.has_value() &&
                           std::ranges::equal(one, std::span(run.inputs()->shape()).subspan(1));
  if (kind == SampleKind::automatic) {
    if (fits_features && fits_inputs)
      fail(
          "{}: expected features or inputs, found both possible at shape {}; say --as features or --as "
          "inputs",
          name, shape_text(shape));
    if (!fits_features && !fits_inputs) {
      std::string inputs;
      if (run.inputs()) {
        std::vector<int64_t> recorded = run.inputs()->shape();
        recorded.front() = array.rows();
        inputs = " or inputs of shape " + shape_text(recorded);
      }
      fail("{}: expected features of shape {}{}, found {}", name,
           shape_text(std::vector<int64_t>{array.rows(), dim}), inputs, shape_text(shape));
    }
    kind = fits_features ? SampleKind::features : SampleKind::inputs;
  }
  if (kind == SampleKind::inputs) {
    const InputReader reader(run);
    if (array.dtype() != reader.stored_dtype())
      fail("{}: expected inputs as inputs.npy holds them, {}, found {}", name,
           dtype_name(reader.stored_dtype()), dtype_name(array.dtype()));
    if (!std::ranges::equal(one, reader.stored_shape())) {
      auto expected = reader.stored_shape();
      expected.insert(expected.begin(), array.rows());
      fail("{}: expected inputs of shape {}, found {}", name, shape_text(expected), shape_text(shape));
    }
  }
  return new_samples_of(run, std::move(values), kind, name);
}

NewSamples samples_of_pictures(const Run& run, const std::vector<fs::path>& files, bool resize) {
  const InputReader reader(run);
  NewSamples out{SampleKind::inputs, Matrix(std::ssize(files), reader.sample_size()), {}};
  for (size_t i = 0; i < files.size(); ++i) {
    const auto stored = input_of_png(reader, read_file(files[i]), files[i].string(), resize);
    std::ranges::copy(stored, out.values.row(static_cast<int64_t>(i)));
    out.names.push_back(files[i].filename().string());
  }
  return out;
}

bool has_extension(const fs::path& file, std::string_view wanted) {
  std::string extension = file.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return extension == wanted;
}

}  // namespace

std::vector<float> input_of_png(const InputReader& reader, const std::string& bytes, const std::string& name,
                                bool resize) {
  if (reader.spec().kind != "image")
    fail("{}: expected an input of the kind that the run records, \"{}\", found a picture", name,
         reader.spec().kind);
  const auto& shape = reader.sample_shape();  // channels, height, width
  const int64_t channels = shape[0], height = shape[1], width = shape[2];
  if (channels > 4)
    fail("{}: expected an array of {} channels, found a picture; give a .npy as inputs.npy holds them", name,
         channels);
  const bool bytes_stored = reader.stored_dtype() == DType::u8;
  if (!bytes_stored && !holds_unit_pixels(reader))
    fail(
        "{}: expected an array, because the recorded inputs are prepared numbers and not pixels from 0 to 1; "
        "give a .npy as inputs.npy holds them",
        name);
  Picture picture = decode_png(bytes, name);
  // A picture without a transparent pixel has as many channels as its colours take.
  if (picture.channels != channels && picture.channels % 2 == 0 && is_opaque(picture))
    picture = decode_png(bytes, name, static_cast<int>(picture.channels) - 1);
  if (!resize && (picture.width != width || picture.height != height || picture.channels != channels))
    fail("{}: expected {} x {} pixels, {}, as the run has them, found {} x {}, {}; --resize fits it", name,
         width, height, channels_text(channels), picture.width, picture.height,
         channels_text(picture.channels));
  if (picture.channels != channels) picture = decode_png(bytes, name, static_cast<int>(channels));
  if (picture.width != width || picture.height != height) picture = resized(picture, width, height);

  const float unit = bytes_stored ? 1 : 1 / 255.f;
  std::vector<float> stored(static_cast<size_t>(reader.sample_size()));
  const bool channels_first = reader.spec().layout == "NCHW";
  for (int64_t p = 0; p < width * height; ++p)
    for (int64_t c = 0; c < channels; ++c)
      stored[static_cast<size_t>(channels_first ? c * width * height + p : p * channels + c)] =
          unit * picture.values[static_cast<size_t>(p * channels + c)];
  return stored;
}

Matrix numbers_of_text(std::string_view text, const std::string& name) {
  std::vector<float> values;
  int64_t rows = 0, cols = 0, line_number = 0;
  while (!text.empty()) {
    const auto line_end = text.find('\n');
    std::string_view line = text.substr(0, line_end);
    text.remove_prefix(line_end == std::string_view::npos ? text.size() : line_end + 1);
    ++line_number;
    int64_t found = 0;
    while (true) {
      const auto begin = line.find_first_not_of(",;\t\r ");
      if (begin == std::string_view::npos) break;
      line.remove_prefix(begin);
      const std::string_view cell = line.substr(0, line.find_first_of(",;\t\r "));
      line.remove_prefix(cell.size());
      float value = 0;
      const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
      if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value))
        fail("{}: expected finite numbers, found \"{}\" in line {}", name, cell.substr(0, 40), line_number);
      values.push_back(value);
      ++found;
    }
    if (found == 0) continue;
    if (rows > 0 && found != cols)
      fail("{}: expected {} numbers in every line, as in the first, found {} in line {}", name, cols, found,
           line_number);
    cols = found;
    ++rows;
  }
  if (rows == 0) fail("{}: expected a line of numbers for each sample, found none", name);
  Matrix out(rows, cols);
  std::ranges::copy(values, out.data());
  return out;
}

NewSamples new_samples_of(const Run& run, Matrix numbers, SampleKind kind, const std::string& name) {
  const int64_t dim = run.manifest().feature_dim, found = numbers.cols();
  const bool has_inputs = run.inputs().has_value() && run.manifest().inputs.has_value();
  const int64_t input_size = has_inputs ? run.inputs()->row_size() : -1;
  if (kind == SampleKind::automatic) {
    if (found == dim && found == input_size)
      fail("{}: expected features or inputs, found both possible at {} numbers a sample; say which", name,
           dim);
    kind = found == input_size ? SampleKind::inputs : SampleKind::features;
    if (found != dim && found != input_size)
      fail("{}: expected {} numbers a sample (features){}, found {}", name, dim,
           has_inputs ? fmt::format(" or {} (inputs)", input_size) : std::string(), found);
  }
  if (kind == SampleKind::features && found != dim)
    fail("{}: expected features of {} numbers, as the run has them, found {}", name, dim, found);
  if (kind == SampleKind::inputs) {
    if (!has_inputs) (void)InputReader(run);  // says what is missing
    if (found != input_size)
      fail("{}: expected inputs of {} numbers, as the run has them, found {}", name, input_size, found);
  }
  if (numbers.rows() == 0) fail("{}: expected at least one sample, found none", name);
  expect_finite_numbers(numbers, name);
  NewSamples out{kind, std::move(numbers), {}};
  out.names = row_names(out.size());
  return out;
}

NewSamples read_new_samples(const Run& run, const fs::path& file, const ReadOptions& options) {
  std::error_code error;
  if (fs::is_directory(file, error)) {
    std::vector<fs::path> pictures;
    for (const auto& entry : fs::directory_iterator(file))
      if (has_extension(entry.path(), ".png")) pictures.push_back(entry.path());
    std::ranges::sort(pictures);
    if (pictures.empty()) fail("{}: expected a folder of .png pictures, found none in it", file.string());
    return samples_of_pictures(run, pictures, options.resize);
  }
  if (!fs::exists(file, error))
    fail("{}: expected a .npy, .csv or .png file or a folder of pictures, found no such file", file.string());
  if (has_extension(file, ".npy")) return samples_of_array(run, NpyArray::open(file), options.kind);
  if (has_extension(file, ".csv") || has_extension(file, ".txt"))
    return new_samples_of(run, numbers_of_text(read_file(file), file.string()), options.kind, file.string());
  if (has_extension(file, ".png")) return samples_of_pictures(run, {file}, options.resize);
  fail("{}: expected a .npy, .csv or .png file or a folder of pictures, found \"{}\"", file.string(),
       file.extension().string());
}

Matrix prepared(const InputReader& reader, MatrixView stored) {
  Matrix out(stored.rows, reader.sample_size());
  for (int64_t i = 0; i < stored.rows; ++i)
    reader.prepare({stored.row(i), static_cast<size_t>(stored.cols)}, out.row(i));
  return out;
}

}  // namespace dvi
