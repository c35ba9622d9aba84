#include "project/projector.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "core/parallel.h"
#include "graph/bound_codes.h"
#include "graph/neighbor_index.h"
#include "project/one_by_one.h"
#include "project/placer.h"
#include "project/scan_search.h"
#include "run/epoch_names.h"
#include "run/feature_scale.h"
#include "subject/subject_model.h"
#include "vis/autoencoder.h"

namespace dvi {
namespace {

/// As many queries as make an index worth building: below, every train sample is measured.
constexpr int64_t queries_for_index = 128;
/// Train samples that tell which distances are usual.
constexpr int64_t compared = 1000;

std::vector<int32_t> train_ids(const Manifest& manifest) {
  std::vector<int32_t> ids = manifest.ids_of_role("train");
  if (ids.empty()) {  // then views are fitted on all samples
    ids.resize(static_cast<size_t>(manifest.sample_count()));
    std::iota(ids.begin(), ids.end(), 0);
  }
  return ids;
}

template <typename T>
std::vector<T> values_at(std::span<const T> values, std::span<const int32_t> ids) {
  std::vector<T> out;
  out.reserve(ids.size());
  for (const int32_t id : ids) out.push_back(values[static_cast<size_t>(id)]);
  return out;
}

/// Features of the train samples in their workable scale: in place where the file holds them so.
class TrainFeatures {
 public:
  TrainFeatures(const Epoch& epoch, float scale, std::span<const int32_t> ids) {
    file_ = NpyArray::open(epoch.folder() / "features.npy");
    if (scale == 1 && file_.dtype() == DType::f32) {
      view_ = view_rows(file_.matrix(), ids, copy_);
      return;
    }
    all_ = epoch.features();
    view_ = view_rows(all_, ids, copy_);
  }
  MatrixView view() const { return view_; }

 private:
  NpyArray file_;
  Matrix all_, copy_;
  MatrixView view_;
};

}  // namespace

class Projector::Impl {
 public:
  Impl(const Run& run, const View& view, int number)
      : view_(fitted_epoch(run, view, number)),
        number_(number),
        feature_dim_(run.manifest().feature_dim),
        ids_(train_ids(run.manifest())),
        epoch_(run.epoch(number)),
        scale_(scale_of(epoch_, *view_)),
        subject_(open_subject(run, epoch_)),
        features_(epoch_, scale_, ids_),
        model_(load_autoencoder(*view_)),
        predictions_(values_at(view_->predictions(), ids_)) {
    const auto all = static_cast<int64_t>(view_->positions().size()) / 2;
    positions_ = gather_rows({view_->positions().data(), all, 2}, ids_);
    train_ = {positions_, predictions_, values_at(view_->margin(), ids_)};
    const Json settings = view.json().value("settings", Json::object());
    if (settings.contains("relocation_reach"))
      placer_.emplace(train_, model_.decoder, *subject_,
                      RelocationLimits{settings.at("margin_tolerance"), settings.at("relocation_reach")});
    remember_usual_distances();
  }

  ProjectedSamples project(MatrixView features) {
    if (features.cols != feature_dim_)
      fail("expected features of {} numbers, as the run has them, found {}; take them from the same layer",
           feature_dim_, features.cols);
    for (int64_t i = 0; i < features.rows; ++i)
      for (int64_t d = 0; d < features.cols; ++d)
        if (!std::isfinite(features(i, d)))
          fail("expected finite features, found {} in row {}; leave that sample out", features(i, d), i);
    Matrix scaled(features.rows, features.cols);
    std::copy_n(features.data, features.rows * features.cols, scaled.data());
    scale_by(scaled, scale_);

    ProjectedSamples out;
    const Matrix logits = logits_one_by_one(*subject_, scaled);
    expect_finite(logits, "features", "in what the classifier says of them");
    out.verdicts = judge(logits.view());
    out.probabilities = Matrix(logits.rows(), logits.cols());
    for (int64_t i = 0; i < logits.rows(); ++i)
      for (int64_t c = 0; c < logits.cols(); ++c)
        out.probabilities(i, c) =
            probability({logits.row(i), static_cast<size_t>(logits.cols())}, static_cast<int32_t>(c));
    out.nearest = nearest_train(scaled);
    if (placer_) {
      auto places = placer_->place(out.nearest, out.verdicts);
      out.positions = std::move(places.shown);
      out.moved = std::move(places.moved);
    } else {
      out.positions = Matrix(scaled.rows(), 2);
      for (int64_t i = 0; i < scaled.rows(); ++i)
        model_.encoder.apply(scaled.view().slice(i, 1), out.positions.mut().slice(i, 1));
      out.moved.assign(static_cast<size_t>(scaled.rows()), 0.f);
    }
    out.nearest = nearest_of(out.nearest, static_cast<int>(view_->neighbor_count()));
    for (int32_t& index : out.nearest.index) index = ids_[static_cast<size_t>(index)];
    for (float& distance : out.nearest.distance) distance /= scale_;
    for (int64_t i = 0; i < scaled.rows(); ++i) {
      const float mean = mean_of(out.nearest.distances(i));
      out.distance.push_back(mean);
      const auto farther = usual_.end() - std::ranges::upper_bound(usual_, mean);
      out.familiarity.push_back(static_cast<float>(farther) / static_cast<float>(usual_.size()));
    }
    out.usual_distance = usual_[usual_.size() / 2];
    return out;
  }

  ProjectedSamples project_inputs(MatrixView inputs, std::span<const int64_t> sample_shape) {
    if (!subject_->has_features())
      fail(
          "epoch {}: expected a recorded model that turns inputs into features, found a head only; give the "
          "features of that epoch instead",
          epoch_name(epoch_));
    Matrix features = features_one_by_one(*subject_, inputs, sample_shape);
    scale_by(features, 1 / scale_);
    return project(features);
  }

  int number() const { return number_; }
  int64_t feature_dim() const { return feature_dim_; }

 private:
  static std::shared_ptr<const ViewEpoch> fitted_epoch(const Run& run, const View& view, int number) {
    if (!view.has_epoch(number))
      fail("view \"{}\": expected epoch {} to be fitted, found it is not{}; run 'dvi fit {}' first",
           view.name(), number, view.state() == "done" ? "" : ", though a fit is at work or was stopped",
           run.folder().string());
    return view.epoch(number);
  }

  static float scale_of(const Epoch& epoch, const ViewEpoch& view) {
    if (const auto stored = view.json().find("feature_scale"); stored != view.json().end())
      remember_feature_scale(epoch, stored->get<float>());
    return feature_scale(epoch);
  }

  static float mean_of(std::span<const float> values) {
    double sum = 0;
    for (const float v : values) sum += v;
    return static_cast<float>(sum / static_cast<double>(values.size()));
  }

  Neighbors nearest_train(MatrixView queries) {
    const int k = static_cast<int>(std::min<int64_t>(place_k, features_.view().rows));
    if (!index_ && queries.rows < queries_for_index) return scan_nearest(features_.view(), queries, k);
    if (!index_) index_.emplace(features_.view());
    return index_->exact(queries, k, false);
  }

  /// Mean distances of some train samples to their nearest, ascending.
  void remember_usual_distances() {
    const auto n = static_cast<int64_t>(ids_.size());
    const int64_t k = view_->neighbor_count(), count = std::min(compared, n);
    std::vector<int32_t> row_of(view_->positions().size() / 2, -1);
    for (int64_t r = 0; r < n; ++r)
      row_of[static_cast<size_t>(ids_[static_cast<size_t>(r)])] = static_cast<int32_t>(r);
    usual_.resize(static_cast<size_t>(count));
    const auto neighbors = view_->neighbors();
    const MatrixView features = features_.view();
    parallel_for(count, 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = i * n / count;
        const auto id = static_cast<size_t>(ids_[static_cast<size_t>(row)]);
        double sum = 0;
        for (int64_t r = 0; r < k; ++r) {
          const int32_t other =
              row_of[static_cast<size_t>(neighbors[id * static_cast<size_t>(k) + static_cast<size_t>(r)])];
          sum += std::sqrt(squared_distance(features.row(row), features.row(other), features.cols));
        }
        usual_[static_cast<size_t>(i)] = static_cast<float>(sum / static_cast<double>(k)) / scale_;
      }
    });
    std::ranges::sort(usual_);
  }

  std::shared_ptr<const ViewEpoch> view_;
  int number_;
  int64_t feature_dim_;
  std::vector<int32_t> ids_;
  Epoch epoch_;
  float scale_;
  std::unique_ptr<SubjectModel> subject_;
  TrainFeatures features_;
  Autoencoder model_;
  Matrix positions_;
  std::vector<int32_t> predictions_;
  PlacedTrain train_;
  std::optional<Placer> placer_;  // none: the view shows what its encoder says
  std::optional<NeighborIndex> index_;
  std::vector<float> usual_;
};

Projector::Projector(const Run& run, const View& view, int epoch)
    : impl_(std::make_unique<Impl>(run, view, epoch)) {}
Projector::~Projector() = default;

int Projector::epoch() const { return impl_->number(); }
int64_t Projector::feature_dim() const { return impl_->feature_dim(); }

ProjectedSamples Projector::project(MatrixView features) {
  const std::lock_guard lock(mutex_);
  return impl_->project(features);
}

ProjectedSamples Projector::project_inputs(MatrixView inputs, std::span<const int64_t> sample_shape) {
  const std::lock_guard lock(mutex_);
  return impl_->project_inputs(inputs, sample_shape);
}

}  // namespace dvi
