// The gradients of networks and objective against LibTorch's autograd, in double precision.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "core/random.h"
#include "vis/paper_objective.h"

namespace dvi {
namespace {

constexpr UmapCurve curve{1.577f, 0.895f};

torch::Tensor tensor(MatrixView m) {
  return torch::from_blob(const_cast<float*>(m.data), {m.rows, m.cols}).to(torch::kFloat64);
}

/// Weights and biases of an Mlp as leaves of a graph.
struct Layers {
  std::vector<torch::Tensor> weights, biases;

  explicit Layers(const Mlp& mlp) {
    for (int l = 0; l < mlp.layers(); ++l) {
      weights.push_back(tensor(mlp.weight(l)).requires_grad_());
      const auto bias = mlp.bias(l);
      biases.push_back(
          tensor({bias.data(), 1, static_cast<int64_t>(bias.size())}).squeeze(0).requires_grad_());
    }
  }
  torch::Tensor operator()(torch::Tensor x) const {
    for (size_t l = 0; l < weights.size(); ++l) {
      x = torch::addmm(biases[l], x, weights[l].t());
      if (l + 1 < weights.size()) x = x.relu();
    }
    return x;
  }
  torch::Tensor square_distance(const Layers& other) const {
    torch::Tensor sum = torch::zeros({}, torch::kFloat64);
    for (size_t l = 0; l < weights.size(); ++l)
      sum = sum + (weights[l] - other.weights[l].detach()).square().sum() +
            (biases[l] - other.biases[l].detach()).square().sum();
    return sum;
  }
  /// In the order of Mlp::parameters().
  std::vector<double> gradient() const {
    std::vector<double> all;
    for (size_t l = 0; l < weights.size(); ++l)
      for (const auto& t : {weights[l], biases[l]}) {
        const auto g = t.grad().contiguous();
        all.insert(all.end(), g.data_ptr<double>(), g.data_ptr<double>() + g.numel());
      }
    return all;
  }
};

/// ||a - b|| / ||b||
double relative_error(std::span<const float> a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(a[i] - b[i], 2);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

Matrix normal_matrix(int64_t rows, int64_t cols, Random& random) {
  Matrix m(rows, cols);
  for (int64_t i = 0; i < rows * cols; ++i) m.data()[i] = static_cast<float>(random.normal());
  return m;
}

TEST(Autograd, AgreesWithTheBackwardPassOfANetwork) {
  Random random(1);
  const Mlp mlp({64, 96, 32, 7}, random);
  const auto in = normal_matrix(50, 64, random), direction = normal_matrix(50, 7, random);
  Mlp::Trace trace;
  mlp.forward(in, trace, Precision::f32);
  auto output_gradient = direction;
  std::vector<float> gradient(mlp.parameters().size());
  Matrix input_gradient(50, 64);
  auto view = input_gradient.mut();
  mlp.backward(in, trace, output_gradient.mut(), gradient, &view, Precision::f32);

  const Layers layers(mlp);
  const auto x = tensor(in).requires_grad_();
  (layers(x) * tensor(direction)).sum().backward();
  EXPECT_LT(relative_error(gradient, layers.gradient()), 1e-5);
  const auto g = x.grad().contiguous();
  EXPECT_LT(
      relative_error(input_gradient.view().span(), {g.data_ptr<double>(), g.data_ptr<double>() + g.numel()}),
      1e-5);
}

TEST(Autograd, AgreesWithThePaperObjective) {
  const int64_t samples = 200, dim = 64, edges = 90;
  Random random(2);
  const auto features = normal_matrix(samples, dim, random);
  Attention attention{normal_matrix(3, dim, random), {}};
  for (int64_t i = 0; i < 3 * dim; ++i) attention.table.data()[i] = std::abs(attention.table.data()[i]);
  for (int32_t i = 0; i < samples; ++i) attention.row.push_back(i % 3);
  Autoencoder model{{Mlp({dim, 32, 32, 2}, random), {}}, {{}, Mlp({2, 32, 32, dim}, random)}};
  const Autoencoder previous{{Mlp({dim, 32, 32, 2}, random), {}}, {{}, Mlp({2, 32, 32, dim}, random)}};
  for (auto* mlp : {&model.encoder.network, &model.decoder.network})
    for (auto& p : mlp->parameters()) p *= 2;  // spreads the points, so that no term is next to nothing
  PaperBatch batch;
  for (int64_t e = 0; e < edges;
       ++e) {  // never the same sample: autograd's gradient at distance 0 is not a number
    batch.from.push_back(static_cast<int32_t>(random.below(samples / 2)));
    batch.to.push_back(static_cast<int32_t>(samples / 2 + random.below(samples / 2)));
  }
  batch.negatives.draw(edges, 5, random);

  const Layers encoder(model.encoder.network), decoder(model.decoder.network);
  const auto rows = [](const std::vector<int32_t>& ids) { return torch::tensor(ids).to(torch::kInt64); };
  std::vector<int64_t> pair(batch.negatives.other.size());
  for (size_t k = 0; k < pair.size(); ++k) pair[k] = batch.negatives.other[k] / 5;
  const auto x = tensor(features);
  const auto weight = (1 + tensor(attention.table).index_select(0, rows(attention.row))).square();
  torch::Tensor reconstruction = torch::zeros({}, torch::kFloat64), positions[2];
  for (const int side : {0, 1}) {
    const auto ids = rows(side == 0 ? batch.from : batch.to);
    const auto f = x.index_select(0, ids);
    positions[side] = encoder(f);
    reconstruction =
        reconstruction + (weight.index_select(0, ids) * (f - decoder(positions[side])).square()).mean() / 2;
  }
  const auto q = [&](const torch::Tensor& offset) {
    return 1 / (1 + curve.a * offset.square().sum(1).pow(curve.b));
  };
  const auto near = q(positions[0] - positions[1]);
  const auto far =
      q(positions[0].repeat_interleave(5, 0) - positions[1].index_select(0, torch::tensor(pair)));
  const auto umap = -torch::cat({near.clamp(1e-4, 1).log(), (1 - far).clamp(1e-4, 1).log()}).mean();
  const auto temporal = 0.01 * (encoder.square_distance(Layers(previous.encoder.network)) +
                                decoder.square_distance(Layers(previous.decoder.network)));
  (umap + reconstruction + temporal).backward();

  for (const int count : {1, 3}) {
    set_threads(count);
    for (const auto precision : {Precision::f32, Precision::bf16}) {
      PaperObjective objective(features, attention, curve, 2, precision);
      objective.set_previous(previous, 0.01f);
      const auto losses = objective.evaluate(model, batch);
      const double tolerance = precision == Precision::f32 ? 1e-5 : 0.06;  // bf16: three digits a factor
      EXPECT_NEAR(losses.umap, umap.item<double>(), tolerance);
      EXPECT_NEAR(losses.reconstruction, reconstruction.item<double>(), tolerance);
      EXPECT_NEAR(losses.temporal, temporal.item<double>(), 1e-4);
      for (const auto& [workers, layers] : {std::pair(objective.encoder_gradients(), &encoder),
                                            std::pair(objective.decoder_gradients(), &decoder)}) {
        std::vector<float> sum(workers[0].size());
        for (const auto& worker : workers)
          for (size_t i = 0; i < sum.size(); ++i) sum[i] += worker[i];
        EXPECT_LT(relative_error(sum, layers->gradient()), tolerance);
      }
    }
  }
}

}  // namespace
}  // namespace dvi
