// Views, for reading: what `dvi fit` made of a run (docs/reference/run-format.md, "Views"). Nothing is
// copied: arrays are mapped.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/npy.h"
#include "run/events.h"
#include "run/run.h"

namespace dvi {

/// One fitted epoch. N samples, M boundary samples; every array was checked against
/// docs/reference/run-format.md when it was opened.
class ViewEpoch {
 public:
  /// Throws Error if a file is missing or of another shape or dtype.
  ViewEpoch(const std::filesystem::path& folder, int number, int64_t samples, int class_count);

  int number() const { return number_; }
  const std::filesystem::path& folder() const { return folder_; }
  /// Whether one of its files was shortened while it was mapped; it is then to be opened again.
  bool damaged() const;
  /// Another text when the epoch has been fitted anew.
  const std::string& version() const { return version_; }
  /// view_epoch.json.
  const Json& json() const { return json_; }
  /// metrics.json, or null where there is none. Read from disk at each call.
  Json metrics() const;

  std::span<const float> positions() const { return positions_.as<float>(); }  ///< [N, 2]
  /// [N, 2] by the encoder alone; the same as positions() where the view stores no others.
  std::span<const float> encoder_positions() const;
  std::span<const int32_t> predictions() const { return predictions_.as<int32_t>(); }  ///< [N]
  std::span<const float> confidence() const { return confidence_.as<float>(); }        ///< [N]
  std::span<const float> margin() const { return margin_.as<float>(); }                ///< [N]
  std::span<const int32_t> runner_up() const { return runner_up_.as<int32_t>(); }      ///< [N]
  std::span<const int32_t> round_trip() const { return round_trip_.as<int32_t>(); }    ///< [N]
  std::span<const uint8_t> neighbors_kept() const { return kept_.as<uint8_t>(); }      ///< [N]
  /// [N, neighbor_count()], nearest first, in feature space and in the plane. Opened and checked at the first
  /// call, since they are by far the largest arrays.
  std::span<const int32_t> neighbors() const { return neighbor_arrays().features.as<int32_t>(); }
  std::span<const int32_t> plane_neighbors() const { return neighbor_arrays().plane.as<int32_t>(); }
  int64_t neighbor_count() const { return neighbor_arrays().features.row_size(); }  ///< 15 or fewer
  /// [N] how far each sample was moved after the fit, in shares of the picture's side; empty where the view
  /// does not store it.
  std::span<const float> moved() const {
    return moved_.empty() ? std::span<const float>() : moved_.as<float>();
  }
  std::span<const float> boundary_positions() const { return boundary_positions_.as<float>(); }  ///< [M, 2]
  std::span<const int32_t> boundary_classes() const { return boundary_classes_.as<int32_t>(); }  ///< [M, 2]
  int64_t boundary_count() const { return boundary_positions_.rows(); }
  /// [P]: the encoder's network, its landmarks [K, 2], the decoder's feature grids (vis/feature_grid.h tells
  /// their order), the decoder's network. Of a network, for every layer its weight [out, in], then its bias.
  std::span<const float> weights() const { return weights_.as<float>(); }
  /// Layer widths, e.g. {512, 256, 2}.
  std::vector<int64_t> encoder_widths() const;
  std::vector<int64_t> decoder_widths() const;
  /// K: how many landmarks the encoder weighs; 0 where it gives coordinates.
  int64_t encoder_landmarks() const;
  /// Feature grids in front of the decoder: cells a side of each, and the square that they cover. No sizes
  /// where the decoder reads coordinates.
  struct DecoderGrid {
    std::vector<int> sizes;
    float x0 = 0, y0 = 0, side = 1;
  };
  DecoderGrid decoder_grid() const;

 private:
  struct NeighborArrays {
    NpyArray features, plane;
  };
  const NeighborArrays& neighbor_arrays() const;

  std::filesystem::path folder_;
  int number_;
  int64_t samples_;
  std::string version_;
  Json json_;
  mutable std::mutex neighbor_mutex_;
  mutable NeighborArrays neighbor_arrays_;
  NpyArray positions_, encoder_positions_, predictions_, confidence_, margin_, runner_up_, round_trip_, kept_;
  NpyArray moved_, boundary_positions_, boundary_classes_, weights_;
};

/// The painted landscape of one epoch, mapped; row 0 is the smallest y.
struct Territory {
  int64_t size = 0;
  NpyArray classes;     ///< [size, size] uint16
  NpyArray confidence;  ///< [size, size] uint8, probability * 255
  NpyArray margin;      ///< [size, size] uint8, m * 255
};

/// A view as it was when view.json was read. Cheap to copy; epochs are opened when first asked for.
/// Thread-safe.
class View {
 public:
  /// Throws Error if there is no such view or view.json breaks the format. Epochs already opened by
  /// `earlier`, the same view read before, are kept where they have not changed on disk.
  static View open(const Run& run, const std::string& name, const View* earlier = nullptr);

  const std::string& name() const { return name_; }
  const std::filesystem::path& folder() const { return folder_; }
  /// view.json.
  const Json& json() const { return json_; }
  const std::string& state() const { return state_; }  ///< "fitting", "following" or "done"
  /// Changes when the extent does or the view is fitted anew, and not when it only grows.
  const std::string& key() const { return key_; }
  /// x0, y0, x1, y1: square, the same for all epochs.
  const std::array<double, 4>& extent() const { return extent_; }
  /// The fitted epochs, ascending.
  const std::vector<int>& epoch_numbers() const { return epochs_; }
  bool has_epoch(int number) const;
  /// Throws Error if the epoch is not fitted or its files break the format.
  std::shared_ptr<const ViewEpoch> epoch(int number) const;
  /// The stored landscape; nothing if the view has none for this epoch.
  std::optional<Territory> territory(int number) const;
  /// All events; empty if there is no events.npy yet.
  std::vector<Event> events() const;

 private:
  struct Opened {
    std::string version;
    std::shared_ptr<const ViewEpoch> epoch;
  };
  struct Cache {
    std::mutex mutex;
    std::map<int, Opened> epochs;
  };
  std::filesystem::path epoch_folder(int number) const;

  std::string name_, state_, key_;
  std::filesystem::path folder_;
  Json json_;
  std::array<double, 4> extent_{};
  std::vector<int> epochs_;
  int64_t samples_ = 0;
  int class_count_ = 0;
  std::shared_ptr<Cache> cache_;
};

/// The view that a user means who names none: "default" if it is there, else the only or first one by name.
/// Throws Error, telling to run `dvi fit`, if the run has none.
std::string default_view_name(const Run& run);

}  // namespace dvi
