#include "server/epoch_arrays.h"

#include <algorithm>
#include <cmath>

#include "graph/plane_neighbors.h"
#include "landscape/fade.h"
#include "server/api.h"
#include "server/painter.h"

namespace dvi {
namespace {

template <typename Out, typename In, typename Convert>
void append(std::string& bytes, std::span<const In> values, Convert convert) {
  const size_t begin = bytes.size();
  bytes.resize(begin + values.size() * sizeof(Out));
  auto* out = reinterpret_cast<Out*>(bytes.data() + begin);
  for (size_t i = 0; i < values.size(); ++i) out[i] = convert(values[i]);
}

void append_positions(std::string& bytes, std::span<const float> positions,
                      const std::array<double, 4>& extent) {
  const size_t begin = bytes.size();
  bytes.resize(begin + positions.size() * sizeof(uint16_t));
  auto* out = reinterpret_cast<uint16_t*>(bytes.data() + begin);
  for (size_t axis = 0; axis < 2; ++axis) {
    const auto low = static_cast<float>(extent[axis]);
    const auto scale = static_cast<float>(65535 / (extent[axis + 2] - extent[axis]));
    for (size_t i = axis; i < positions.size(); i += 2) {
      const float share = (positions[i] - low) * scale + 0.5f;
      out[i] = static_cast<uint16_t>(std::clamp(share, 0.f, 65535.f));
    }
  }
}

uint16_t class_number(int32_t c) { return static_cast<uint16_t>(c); }
uint8_t share_byte(float share) { return static_cast<uint8_t>(std::clamp(share, 0.f, 1.f) * 255.f + 0.5f); }

template <typename T>
void append_raw(std::string& bytes, std::span<const T> values) {
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

}  // namespace

std::string position_bytes(const ViewEpoch& epoch, const std::array<double, 4>& extent) {
  std::string bytes;
  append_positions(bytes, epoch.positions(), extent);
  return bytes;
}

std::string sample_bytes(const ViewEpoch& epoch) {
  std::string bytes;
  append<uint16_t>(bytes, epoch.predictions(), class_number);
  append<uint16_t>(bytes, epoch.runner_up(), class_number);
  append<uint16_t>(bytes, epoch.round_trip(), class_number);
  append<uint8_t>(bytes, epoch.confidence(), share_byte);
  append<uint8_t>(bytes, epoch.margin(), share_byte);
  append_raw(bytes, epoch.neighbors_kept());
  return bytes;
}

std::string moved_bytes(const ViewEpoch& epoch) {
  std::string bytes;
  append<uint16_t>(bytes, epoch.moved(), [](float share) {
    return static_cast<uint16_t>(std::clamp(share, 0.f, 1.f) * 65535.f + 0.5f);
  });
  return bytes;
}

std::string boundary_bytes(const ViewEpoch& epoch, const std::array<double, 4>& extent) {
  std::string bytes;
  append_positions(bytes, epoch.boundary_positions(), extent);
  append<uint16_t>(bytes, epoch.boundary_classes(), class_number);
  return bytes;
}

std::string territory_bytes(ServedRun& run, const View& view, const ViewEpoch& epoch, int size) {
  std::string bytes;
  int cells = size;
  if (const auto stored = view.territory(epoch.number()); stored && (size == 0 || stored->size == size)) {
    append_raw(bytes, stored->classes.as<uint16_t>());
    append_raw(bytes, stored->confidence.as<uint8_t>());
    append_raw(bytes, stored->margin.as<uint8_t>());
    cells = static_cast<int>(stored->size);
  } else {
    if (cells == 0) cells = 256;
    const Landscape painted = paint_epoch(run, epoch, view.extent(), cells);
    append_raw<uint16_t>(bytes, painted.classes);
    append_raw<uint8_t>(bytes, painted.confidence);
    append_raw<uint8_t>(bytes, painted.margin);
  }
  append_raw<uint8_t>(bytes, ground_fade(epoch.positions(), extent_of(view.extent()), cells));
  return bytes;
}

std::string trust_bytes(const ViewEpoch& epoch, const std::array<double, 4>& extent, int size) {
  const auto positions = epoch.positions();
  const PlaneIndex index({positions.data(), static_cast<int64_t>(positions.size() / 2), 2});
  Matrix centres(int64_t{size} * size, 2);
  const double side = extent[2] - extent[0], step = side / size;
  for (int64_t cell = 0; cell < centres.rows(); ++cell) {
    centres(cell, 0) = static_cast<float>(extent[0] + (static_cast<double>(cell % size) + 0.5) * step);
    centres(cell, 1) = static_cast<float>(extent[1] + (static_cast<double>(cell / size) + 0.5) * step);
  }
  const Neighbors nearest = index.nearest(centres, 1);
  std::string bytes(static_cast<size_t>(centres.rows()), '\0');
  for (size_t cell = 0; cell < bytes.size(); ++cell)
    bytes[cell] = static_cast<char>(share_byte(static_cast<float>(nearest.distance[cell] / (side / 4))));
  return bytes;
}

}  // namespace dvi
