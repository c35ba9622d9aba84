#include "run/inputs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/parallel.h"

namespace dvi {
namespace {

/// Where height, width and channels are in the stored shape of one sample.
struct ImageAxes {
  int64_t height, width, channels;
  bool channels_last;
};

ImageAxes image_axes(const std::string& layout, std::span<const int64_t> sample_shape) {
  if (layout == "NHW") return {sample_shape[0], sample_shape[1], 1, true};
  if (layout == "NHWC") return {sample_shape[0], sample_shape[1], sample_shape[2], true};
  return {sample_shape[1], sample_shape[2], sample_shape[0], false};
}

std::vector<int64_t> shape_of_one(const NpyArray& array) {
  return {array.shape().begin() + 1, array.shape().end()};
}

float element(const NpyArray& array, int64_t index) {
  return array.dtype() == DType::u8 ? static_cast<float>(std::to_integer<uint8_t>(array.bytes()[index]))
                                    : reinterpret_cast<const float*>(array.bytes())[index];
}

/// Of an image that is to be shown; throws Error where it is none, or too large for that.
ImageAxes axes_to_show(const InputSpec& spec, const std::vector<int64_t>& shape, const std::string& file) {
  if (spec.kind != "image") fail("{}: expected images, found inputs of kind \"{}\"", file, spec.kind);
  const ImageAxes axes = image_axes(spec.layout, shape);
  constexpr int64_t most_pixels = int64_t{64} << 20;
  if (axes.height * axes.width > most_pixels)
    fail("{}: expected images of at most {} million pixels to show, found {} x {}", file, most_pixels >> 20,
         axes.width, axes.height);
  return axes;
}

/// Which of `count` channels are shown: those that run.json beside `inputs_file` names ("channels": one or
/// three). Else all if there are 1, 3 or 4, else the first.
std::vector<int64_t> shown_channels(const std::filesystem::path& inputs_file, int64_t count) {
  const auto file = inputs_file.parent_path() / "run.json";
  const Json chosen = read_json(file).at("inputs").value("channels", Json());
  std::vector<int64_t> channels;
  if (chosen.is_null()) {
    channels.resize(static_cast<size_t>(count == 3 || count == 4 ? count : 1));
    std::iota(channels.begin(), channels.end(), 0);
    return channels;
  }
  for (const Json& channel : chosen.is_array() ? chosen : Json::array({chosen})) {
    if (!channel.is_number_unsigned() || channel.get<uint64_t>() >= static_cast<uint64_t>(count))
      fail("{}: expected \"channels\" from 0 to {}, found {}", file.string(), count - 1, channel.dump());
    channels.push_back(channel.get<int64_t>());
  }
  if (channels.size() != 1 && channels.size() != 3)
    fail("{}: expected one or three \"channels\" to show, found {}", file.string(), channels.size());
  return channels;
}

}  // namespace

InputReader::InputReader(const Run& run) {
  const auto file = (run.folder() / "inputs.npy").string();
  if (!run.inputs()) fail("{}: expected recorded inputs, found none; record them to look at samples", file);
  if (!run.manifest().inputs)
    fail(
        "{}: expected \"inputs\" in run.json to say what they are, found none; add for example "
        "{{\"kind\": \"image\", \"layout\": \"NHWC\"}}",
        file);
  spec_ = *run.manifest().inputs;
  const NpyArray& array = *run.inputs();
  const auto stored = shape_of_one(array);
  if (spec_.kind == "image") {
    const size_t rank = spec_.layout.size();
    if (array.shape().size() != rank)
      fail("{}: expected {} axes for the layout {} in run.json, found shape {}", file, rank, spec_.layout,
           shape_text(array.shape()));
    const ImageAxes axes = image_axes(spec_.layout, stored);
    shape_ = {axes.channels, axes.height, axes.width};
    for (const auto* values : {&spec_.mean, &spec_.std})
      if (values->size() > 1 && static_cast<int64_t>(values->size()) != axes.channels)
        fail("{}: expected one \"{}\" or one for each of the {} channels in run.json, found {}", file,
             values == &spec_.mean ? "mean" : "std", axes.channels, values->size());
  } else {
    shape_ = stored;
  }
  size_ = array.row_size();
  if (size_ == 0)
    fail("{}: expected at least one number a sample, found shape {}", file, shape_text(array.shape()));
  sources_.push_back({array, 0, array.rows()});
}

InputReader::InputReader(const Run& run, const Epoch& epoch) : InputReader(run) {
  add_epoch_sources(run, epoch);
}

void InputReader::add_epoch_sources(const Run& run, const Epoch& epoch) {
  for (const Group& group : run.manifest().groups) {
    auto array = epoch.group_inputs(group);
    if (!array) continue;
    if (shape_of_one(*array) != shape_of_one(sources_.front().array))
      fail("{}: expected samples of the shape in inputs.npy, {}, found {}", array->path().string(),
           shape_text(sources_.front().array.shape()), shape_text(array->shape()));
    sources_.push_back({std::move(*array), group.begin, group.count});
  }
}

const InputReader::Source& InputReader::source_of(int64_t sample) const {
  for (auto source = sources_.rbegin(); source != sources_.rend(); ++source)
    if (sample >= source->begin && sample < source->begin + source->count) return *source;
  fail("sample {}: expected an id from 0 to {}", sample, sources_.front().count - 1);
}

std::vector<int64_t> InputReader::stored_shape() const { return shape_of_one(sources_.front().array); }

void InputReader::read(int64_t sample, float* out) const {
  const Source& source = source_of(sample);
  prepare(stored(source, sample), source.array.dtype(), out);
}

std::vector<float> InputReader::stored(const Source& source, int64_t sample) const {
  const int64_t base = (sample - source.begin) * size_;
  std::vector<float> values(static_cast<size_t>(size_));
  for (int64_t i = 0; i < size_; ++i) values[static_cast<size_t>(i)] = element(source.array, base + i);
  return values;
}

void InputReader::prepare(std::span<const float> stored, DType dtype, float* out) const {
  const bool image = spec_.kind == "image";
  const double unit = image && dtype == DType::u8 ? 1.0 / 255 : 1.0;
  const auto scale = static_cast<float>(spec_.scale.value_or(unit));
  if (!image) {
    for (int64_t i = 0; i < size_; ++i) out[i] = stored[static_cast<size_t>(i)] * scale;
    return;
  }
  const ImageAxes axes = image_axes(spec_.layout, stored_shape());
  const int64_t pixels = axes.height * axes.width;
  const auto of_channel = [](const std::vector<double>& values, int64_t c, double otherwise) {
    return values.empty() ? otherwise : values[values.size() == 1 ? 0 : static_cast<size_t>(c)];
  };
  for (int64_t c = 0; c < axes.channels; ++c) {
    const auto mean = static_cast<float>(of_channel(spec_.mean, c, 0));
    const auto deviation = static_cast<float>(of_channel(spec_.std, c, 1));
    for (int64_t p = 0; p < pixels; ++p) {
      const int64_t at = axes.channels_last ? p * axes.channels + c : c * pixels + p;
      out[c * pixels + p] = (stored[static_cast<size_t>(at)] * scale - mean) / deviation;
    }
  }
}

Matrix InputReader::gather(std::span<const int32_t> ids) const {
  Matrix out(static_cast<int64_t>(ids.size()), size_);
  parallel_for(out.rows(), 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) read(ids[static_cast<size_t>(i)], out.row(i));
  });
  return out;
}

InputReader::Pixels InputReader::pixels(int64_t sample) const {
  const Source& source = source_of(sample);
  axes_to_show(spec_, stored_shape(), source.array.path().string());
  return pixels(stored(source, sample), source.array.dtype());
}

InputReader::Pixels InputReader::pixels(std::span<const float> stored, DType dtype) const {
  const auto file = sources_.front().array.path();
  const ImageAxes axes = axes_to_show(spec_, stored_shape(), file.string());
  const std::vector<int64_t> channels = shown_channels(file, axes.channels);
  const auto shown = static_cast<int64_t>(channels.size());
  float low = 0, range = 255;
  if (dtype == DType::f32) {
    float most = -std::numeric_limits<float>::infinity();
    low = std::numeric_limits<float>::infinity();
    for (int64_t i = 0; i < size_; ++i) {
      const int64_t channel = axes.channels_last ? i % axes.channels : i / (axes.height * axes.width);
      if (std::find(channels.begin(), channels.end(), channel) == channels.end()) continue;
      const float value = stored[static_cast<size_t>(i)];
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      most = std::max(most, value);
    }
    range = most > low ? most - low : 1.f;
    if (!(low <= most)) low = 0;
  }
  Pixels result{axes.height, axes.width, shown, {}};
  result.values.reserve(static_cast<size_t>(axes.height * axes.width * shown));
  for (int64_t p = 0; p < axes.height * axes.width; ++p)
    for (const int64_t c : channels) {
      const int64_t at = axes.channels_last ? p * axes.channels + c : c * axes.height * axes.width + p;
      const float value = (stored[static_cast<size_t>(at)] - low) / range * 255.f;
      // A value that is not a number is shown black.
      const float shade = std::isnan(value) ? 0.f : std::clamp(value, 0.f, 255.f);
      result.values.push_back(static_cast<uint8_t>(std::lround(shade)));
    }
  return result;
}

}  // namespace dvi
