#include "vis/paper_objective.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/parallel.h"
#include "core/random.h"

namespace dvi {
namespace {

struct Problem {
  static constexpr int64_t samples = 30, dim = 10, edges = 17;
  Matrix features{samples, dim};
  Attention attention{Matrix(3, dim), {}};
  Autoencoder model, previous;
  PaperBatch batch;

  Problem() {
    Random random(1);
    for (int64_t i = 0; i < samples * dim; ++i) features.data()[i] = static_cast<float>(random.normal());
    for (int64_t i = 0; i < 3 * dim; ++i) attention.table.data()[i] = static_cast<float>(random.uniform());
    for (int32_t i = 0; i < samples; ++i) attention.row.push_back(i % 3);
    model = {{Mlp({dim, 8, 6, 2}, random), {}}, {{}, Mlp({2, 6, 8, dim}, random)}};
    for (auto* mlp : {&model.encoder.network, &model.decoder.network})
      for (auto& p : mlp->parameters()) p *= 2;
    previous = {{Mlp({dim, 8, 6, 2}, random), {}}, {{}, Mlp({2, 6, 8, dim}, random)}};
    for (int64_t e = 0; e < edges; ++e) {
      batch.from.push_back(static_cast<int32_t>(random.below(samples)));
      batch.to.push_back(static_cast<int32_t>(
          (batch.from.back() + 1 + static_cast<int32_t>(random.below(samples - 1))) % samples));
    }
    batch.negatives.draw(edges, 5, random);
  }
};

std::vector<float> sum_of(std::span<std::vector<float>> workers) {
  std::vector<float> sum(workers[0].size());
  for (auto& worker : workers)
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += worker[i];
  return sum;
}

TEST(PaperObjective, GradientAgreesWithFiniteDifferences) {
  for (const int count : {1, 3, 20}) {  // with 20 some workers have no edge
    set_threads(count);
    Problem p;
    PaperObjective objective(p.features, p.attention, {1.577f, 0.895f}, 1, Precision::f32);
    objective.set_previous(p.previous, 0.05f);
    objective.evaluate(p.model, p.batch);
    const std::vector<float> gradients[] = {sum_of(objective.encoder_gradients()),
                                            sum_of(objective.decoder_gradients())};
    Random random(2);
    for (const int side : {0, 1}) {
      auto parameters = (side == 0 ? p.model.encoder.network : p.model.decoder.network).parameters();
      for (int draw = 0; draw < 60; ++draw) {
        const auto i = random.below(parameters.size());
        const float kept = parameters[i], h = 1.f / 4096;
        parameters[i] = kept + h;
        const double upper = parameters[i], above = objective.evaluate(p.model, p.batch).total();
        parameters[i] = kept - h;
        const double lower = parameters[i], below = objective.evaluate(p.model, p.batch).total();
        parameters[i] = kept;
        EXPECT_NEAR(gradients[side][i], (above - below) / (upper - lower), 5e-3) << side << ", " << i;
      }
    }
  }
}

TEST(PaperObjective, ThreadsAgree) {
  Problem p;
  std::vector<PaperLosses> losses;
  for (const int count : {1, 2, 20}) {
    set_threads(count);
    PaperObjective objective(p.features, p.attention, {1.577f, 0.895f}, 2, Precision::f32);
    objective.set_previous(p.previous, 0.05f);
    losses.push_back(objective.evaluate(p.model, p.batch));
    EXPECT_NEAR(losses.back().umap, losses[0].umap, 1e-5);
    EXPECT_NEAR(losses.back().reconstruction, losses[0].reconstruction, 1e-5);
    EXPECT_NEAR(losses.back().temporal, losses[0].temporal, 1e-5);
  }
  double change = 0;
  for (const auto& [now, before] : {std::pair(&p.model.encoder.network, &p.previous.encoder.network),
                                    std::pair(&p.model.decoder.network, &p.previous.decoder.network)})
    for (size_t i = 0; i < now->parameters().size(); ++i)
      change += std::pow(now->parameters()[i] - before->parameters()[i], 2);
  EXPECT_NEAR(losses[0].temporal, 0.05 * change, 1e-4);
}

TEST(PaperObjective, AttentionMustFitTheFeatures) {
  Problem p;
  p.attention.row.pop_back();
  EXPECT_THROW(PaperObjective(p.features, p.attention, {1, 1}, 1, Precision::f32), Error);
}

}  // namespace
}  // namespace dvi
