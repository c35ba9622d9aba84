#include "vis/paper_objective.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/parallel.h"

namespace dvi {

/// A worker's share of a batch: edges [begin, end). Its rows are first the edges' `from` ends, then their
/// `to` ends.
struct PaperObjective::Worker {
  int64_t begin = 0, end = 0;
  Matrix features, position_gradient;
  std::vector<const float*> weights;
  Mlp::Trace encoder, decoder;
  PaperLosses losses;
  int64_t edges() const { return end - begin; }
};

namespace {

std::pair<int64_t, int64_t> share(int64_t total, size_t worker, size_t workers) {
  const auto part = [&](size_t w) { return total * static_cast<int64_t>(w) / static_cast<int64_t>(workers); };
  return {part(worker), part(worker + 1)};
}

void make_room(Matrix& matrix, int64_t rows, int64_t cols) {
  if (matrix.rows() < rows) matrix = Matrix(rows, cols);
}

}  // namespace

PaperObjective::PaperObjective(MatrixView features, const Attention& attention, const UmapCurve& curve,
                               float attention_exponent, Precision precision)
    : features_(features), attention_(attention), curve_(curve), precision_(precision) {
  if (static_cast<int64_t>(attention.row.size()) != features.rows || attention.table.cols() != features.cols)
    fail("the objective needs the attention of {} samples to {} features, but it is of {} samples to {}",
         features.rows, features.cols, attention.row.size(), attention.table.cols());
  feature_weights_ = attention.table;
  for (int64_t i = 0; i < feature_weights_.rows(); ++i)
    for (int64_t d = 0; d < feature_weights_.cols(); ++d)
      feature_weights_(i, d) = std::pow(1 + feature_weights_(i, d), attention_exponent);
  for (int w = 0; w < threads(); ++w) workers_.push_back(std::make_unique<Worker>());
  encoder_gradients_.resize(workers_.size());
  decoder_gradients_.resize(workers_.size());
}

PaperObjective::~PaperObjective() = default;

void PaperObjective::set_previous(const Autoencoder& previous, float temporal_strength) {
  previous_ = &previous;
  temporal_strength_ = temporal_strength;
}

PaperLosses PaperObjective::evaluate(const Autoencoder& model, const PaperBatch& batch) {
  const auto edges = static_cast<int64_t>(batch.from.size());
  const int64_t dim = features_.cols;
  make_room(from_, edges, 2);
  make_room(to_, edges, 2);
  make_room(from_gradient_, edges, 2);
  make_room(to_gradient_, edges, 2);

  parallel_workers(static_cast<int>(workers_.size()), [&](int index) {
    const auto w = static_cast<size_t>(index);
    auto& mine = *workers_[w];
    std::tie(mine.begin, mine.end) = share(edges, w, workers_.size());
    encoder_gradients_[w].resize(model.encoder.network.parameters().size());
    decoder_gradients_[w].resize(model.decoder.network.parameters().size());
    const int64_t m = mine.edges();
    if (m == 0) return;
    make_room(mine.features, 2 * m, dim);
    mine.weights.resize(static_cast<size_t>(2 * m));
    for (int64_t r = 0; r < 2 * m; ++r) {
      const auto sample = r < m ? batch.from[static_cast<size_t>(mine.begin + r)]
                                : batch.to[static_cast<size_t>(mine.begin + r - m)];
      std::copy_n(features_.row(sample), dim, mine.features.row(r));
      mine.weights[static_cast<size_t>(r)] =
          feature_weights_.row(attention_.row[static_cast<size_t>(sample)]);
    }
    const auto positions =
        model.encoder.network.forward(mine.features.view().slice(0, 2 * m), mine.encoder, precision_);
    std::copy_n(positions.row(0), 2 * m, from_.row(mine.begin));
    std::copy_n(positions.row(m), 2 * m, to_.row(mine.begin));
  });

  // Every worker has its positions: the negatives may look across.
  parallel_workers(static_cast<int>(workers_.size()), [&](int index) {
    const auto w = static_cast<size_t>(index);
    auto& mine = *workers_[w];
    mine.losses = {};
    const int64_t m = mine.edges();
    if (m > 0) {
      const auto features = mine.features.view().slice(0, 2 * m);
      const auto positions = mine.encoder.output();
      const auto reconstructions = model.decoder.network.forward(positions, mine.decoder, precision_);
      mine.losses.reconstruction = reconstruction_loss(
          features, mine.weights, 1 / static_cast<float>(2 * edges * dim), reconstructions);
      make_room(mine.position_gradient, 2 * m, 2);
      auto position_gradient = mine.position_gradient.mut().slice(0, 2 * m);
      model.decoder.network.backward(positions, mine.decoder, reconstructions, decoder_gradients_[w],
                                     &position_gradient, precision_);
      mine.losses.umap =
          umap_cross_entropy(curve_, from_.view().slice(0, edges), to_.view().slice(0, edges),
                             batch.negatives, mine.begin, mine.end, from_gradient_.mut(), to_gradient_.mut());
      for (int64_t i = 0; i < 2 * m; ++i) {
        position_gradient.row(0)[i] += from_gradient_.row(mine.begin)[i];
        position_gradient.row(m)[i] += to_gradient_.row(mine.begin)[i];
      }
      model.encoder.network.backward(features, mine.encoder, position_gradient, encoder_gradients_[w],
                                     nullptr, precision_);
    }
    if (!previous_) return;
    for (const auto& [now, before, gradients] :
         {std::tuple(&model.encoder.network, &previous_->encoder.network, &encoder_gradients_),
          std::tuple(&model.decoder.network, &previous_->decoder.network, &decoder_gradients_)}) {
      const auto [begin, end] = share(static_cast<int64_t>(now->parameters().size()), w, workers_.size());
      const auto at = static_cast<size_t>(begin), count = static_cast<size_t>(end - begin);
      mine.losses.temporal +=
          weight_penalty(now->parameters().subspan(at, count), before->parameters().subspan(at, count),
                         temporal_strength_, std::span((*gradients)[w]).subspan(at, count));
    }
  });

  PaperLosses sum;
  for (const auto& worker : workers_) {
    sum.umap += worker->losses.umap;
    sum.reconstruction += worker->losses.reconstruction;
    sum.temporal += worker->losses.temporal;
  }
  return sum;
}

}  // namespace dvi
