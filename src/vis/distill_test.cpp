#include "vis/distill.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numbers>
#include <numeric>

#include "core/random.h"
#include "subject/logits.h"
#include "vis/backend/torch/torch_trainer.h"

namespace dvi {
namespace {

/// A head that hides that it is linear, so that the general path is taken.
class OpaqueHead : public SubjectModel {
 public:
  explicit OpaqueHead(SubjectModel& inner) : inner_(inner) {}
  int64_t feature_dim() const override { return inner_.feature_dim(); }
  int64_t class_count() const override { return inner_.class_count(); }
  bool has_features() const override { return false; }
  void features(MatrixView, std::span<const int64_t>, MutMatrixView) override {}
  void head(MatrixView f, MutMatrixView logits) override { inner_.head(f, logits); }
  void head_vjp(MatrixView f, MatrixView cotangent, MutMatrixView out) override {
    inner_.head_vjp(f, cotangent, out);
  }
  const LinearHead* linear_head() const override { return nullptr; }

 private:
  SubjectModel& inner_;
};

/// Samples on a curved sheet in 20 dimensions; the plane position is known.
struct Sheet {
  Matrix features = Matrix(900, 20), positions = Matrix(900, 2), logits = Matrix(900, 4);
  std::unique_ptr<SubjectModel> subject;
  Sheet() {
    Random random(3);
    LinearHead head{Matrix(4, 20), std::vector<float>(4, 0.f)};
    Matrix mix(6, 20);
    for (int64_t i = 0; i < 120; ++i) mix.data()[i] = static_cast<float>(random.normal());
    for (int64_t i = 0; i < 80; ++i) head.weight.data()[i] = static_cast<float>(random.normal());
    for (int64_t i = 0; i < 900; ++i) {
      const double x = 4 * random.uniform() - 2, y = 4 * random.uniform() - 2;
      positions(i, 0) = static_cast<float>(10 * x + 30);
      positions(i, 1) = static_cast<float>(10 * y - 5);
      const double basis[] = {x, y, x * y, std::sin(2 * x), std::cos(2 * y), 1};
      for (int64_t l = 0; l < 20; ++l) {
        double v = 0.01 * random.normal();
        for (int64_t b = 0; b < 6; ++b) v += basis[b] * mix(b, l);
        features(i, l) = static_cast<float>(v);
      }
    }
    subject = make_linear_subject(std::move(head));
    subject->head(features, logits.mut());
  }
  DistillTask task() const {
    DistillTask t;
    t.features = features;
    t.logits = logits.view();
    t.positions = positions;
    t.subject = subject.get();
    t.seed = 4;
    return t;
  }
  /// Share of predictions that survive decode(positions), and the encoder's mean error in units of the plane.
  std::pair<double, double> quality(const Autoencoder& model) const {
    Matrix decoded(900, 20), after(900, 4), encoded(900, 2);
    model.decoder.apply(positions, decoded.mut());
    subject->head(decoded, after.mut());
    model.encoder.apply(features, encoded.mut());
    const auto before = judge(logits.view()), now = judge(after.view());
    double same = 0, error = 0;
    for (size_t i = 0; i < 900; ++i) {
      same += before[i].prediction == now[i].prediction;
      error += std::hypot(encoded(static_cast<int64_t>(i), 0) - positions(static_cast<int64_t>(i), 0),
                          encoded(static_cast<int64_t>(i), 1) - positions(static_cast<int64_t>(i), 1));
    }
    return {same / 900, error / 900};
  }
};

TEST(Distill, NetworksReproduceTheLayoutAndThePredictions) {
  const Sheet sheet;
  DistillOptions options;
  options.encoder_steps = 600;
  const auto [same, error] = sheet.quality(distill(sheet.task(), options).model);
  EXPECT_GT(same, 0.97);
  EXPECT_LT(error, 1.5);  // the sheet is 40 wide
}

TEST(Distill, BeyondTheSamplesThePlaneShowsTheNearestSamplesClass) {
  const Sheet sheet;
  const auto agreeing = [&](double beyond) {
    DistillOptions options;
    options.encoder_steps = 600;
    options.beyond = beyond;
    const Autoencoder model = distill(sheet.task(), options).model;
    // On a circle of 1.5 times the half diagonal around the sheet.
    constexpr int64_t places = 360;
    Matrix at(places, 2), decoded(places, 20), logits(places, 4);
    for (int64_t p = 0; p < places; ++p) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(p) / places;
      at(p, 0) = static_cast<float>(30 + 42 * std::cos(angle));
      at(p, 1) = static_cast<float>(-5 + 42 * std::sin(angle));
    }
    model.decoder.apply(at, decoded.mut());
    sheet.subject->head(decoded, logits.mut());
    const auto there = judge(logits.view()), samples = judge(sheet.logits.view());
    int64_t same = 0;
    for (int64_t p = 0; p < places; ++p) {
      int64_t nearest = 0;
      const auto distance = [&](int64_t i) {
        return std::hypot(sheet.positions(i, 0) - at(p, 0), sheet.positions(i, 1) - at(p, 1));
      };
      for (int64_t i = 1; i < 900; ++i)
        if (distance(i) < distance(nearest)) nearest = i;
      same += there[static_cast<size_t>(p)].prediction == samples[static_cast<size_t>(nearest)].prediction;
    }
    return static_cast<double>(same) / places;
  };
  const double taught = agreeing(DistillOptions{}.beyond), untaught = agreeing(0);
  std::cout << "agreeing with the nearest sample: " << taught << ", left alone: " << untaught << "\n";
  EXPECT_GT(taught, 0.94);
  EXPECT_GT(taught, untaught);
}

// A CUDA device adds up the gradients of feature grids in an order of its own.
TEST(Distill, IsTheSameEveryTimeOnTheProcessor) {
  const Sheet sheet;
  DistillOptions options;
  options.device = TrainingDevice::processor;
  options.encoder_steps = options.decoder_steps = 30;
  const auto a = distill(sheet.task(), options), b = distill(sheet.task(), options);
  EXPECT_TRUE(std::ranges::equal(a.model.decoder.network.parameters(), b.model.decoder.network.parameters()));
  EXPECT_TRUE(std::ranges::equal(a.model.decoder.grid.parameters(), b.model.decoder.grid.parameters()));
  EXPECT_TRUE(std::ranges::equal(a.model.encoder.network.parameters(), b.model.encoder.network.parameters()));
}

TEST(Distill, LearnsTheRowsBehindTheSamplesToo) {
  const Sheet sheet;
  DistillTask task = sheet.task();
  // Samples right of the middle come behind, so that nothing can be known of them otherwise.
  std::vector<int32_t> order(900);
  std::iota(order.begin(), order.end(), 0);
  const auto behind =
      std::partition(order.begin(), order.end(), [&](int32_t i) { return sheet.positions(i, 0) < 30; });
  const auto samples = static_cast<size_t>(behind - order.begin());
  const Matrix front = gather_rows(sheet.features, std::span(order).first(samples)),
               back = gather_rows(sheet.features, std::span(order).subspan(samples)),
               logits = gather_rows(sheet.logits, order), positions = gather_rows(sheet.positions, order);
  task.features = front;
  task.more_features = back;
  const auto count = static_cast<int64_t>(samples);
  task.logits = {logits.view().slice(0, count), logits.view().slice(count, 900 - count)};
  task.positions = positions;
  DistillOptions options;
  options.encoder_steps = 600;
  const auto [same, error] = sheet.quality(distill(task, options).model);
  EXPECT_GT(same, 0.97);
  EXPECT_LT(error, 1.5);
}

TEST(Distill, AnyHeadIsTreatedAsALinearOneIs) {
  const Sheet sheet;
  OpaqueHead opaque(*sheet.subject);
  DistillTask task = sheet.task();
  DistillOptions options;
  options.encoder_steps = options.decoder_steps = 20;
  options.device = TrainingDevice::processor;  // as other heads' always are
  const auto linear = distill(task, options);
  task.subject = &opaque;
  const auto general = distill(task, options);
  double difference = 0, size = 0;
  for (size_t i = 0; i < linear.model.decoder.network.parameters().size(); ++i) {
    difference += std::abs(linear.model.decoder.network.parameters()[i] -
                           general.model.decoder.network.parameters()[i]);
    size += std::abs(linear.model.decoder.network.parameters()[i]);
  }
  EXPECT_LT(difference / size, 0.01);
  EXPECT_NEAR(linear.divergence, general.divergence, 0.02 * linear.divergence);
}

double relative_difference(std::span<const float> a, std::span<const float> b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += std::abs(a[i] - b[i]);
    size += std::abs(a[i]);
  }
  return difference / size;
}

// On a CUDA device too, where products are float32 as well (LibTorch leaves TF32 off unless told otherwise).
TEST(Distill, LibTorchTakesTheSameSteps) {
  const Sheet sheet;
  DistillOptions options;
  options.encoder_steps = options.decoder_steps = 25;
  options.jitter = 0;  // drawn by different generators
  options.precision = Precision::f32;
  options.device = TrainingDevice::processor;
  const auto own = distill(sheet.task(), options);
  EXPECT_EQ(own.device, "processor");
  options.device = TrainingDevice::torch;
  const auto torch = distill(sheet.task(), options);
  if (torch.device == "processor") GTEST_SKIP() << "built without LibTorch";
  const double encoders = relative_difference(own.model.encoder.network.parameters(),
                                              torch.model.encoder.network.parameters()),
               decoders = relative_difference(own.model.decoder.network.parameters(),
                                              torch.model.decoder.network.parameters());
  std::cout << "parameters on \"" << torch.device << "\" differ by " << encoders << " and " << decoders
            << '\n';
  EXPECT_LT(encoders, 1e-3);
  EXPECT_LT(decoders, 1e-3);
  EXPECT_LT(relative_difference(own.model.decoder.grid.parameters(), torch.model.decoder.grid.parameters()),
            1e-3);
  EXPECT_NEAR(own.encoder_error, torch.encoder_error, 1e-3 * own.encoder_error);
  EXPECT_NEAR(own.decoder_error, torch.decoder_error, 1e-3 * own.decoder_error);
  EXPECT_NEAR(own.divergence, torch.divergence, 1e-3 * own.divergence);
}

TEST(Distill, CapturedStepsAreThoseTakenOneByOne) {
  if (!torch_device.available() || torch_device() != "cuda")
    GTEST_SKIP() << "LibTorch finds no CUDA device here, so nothing is captured";
  const Sheet sheet;
  DistillOptions options;
  options.encoder_steps = options.decoder_steps = 200;
  options.device = TrainingDevice::torch_eager;
  const auto eager = distill(sheet.task(), options);
  EXPECT_EQ(eager.device, "cuda");
  options.device = TrainingDevice::torch;
  const auto captured = distill(sheet.task(), options), again = distill(sheet.task(), options);
  for (const auto* other : {&captured, &again}) {
    EXPECT_TRUE(std::ranges::equal(eager.model.encoder.network.parameters(),
                                   other->model.encoder.network.parameters()));
    EXPECT_EQ(eager.encoder_error, other->encoder_error);
    // The device adds up the gradient of the grids in an order of its own.
    EXPECT_LT(relative_difference(eager.model.decoder.network.parameters(),
                                  other->model.decoder.network.parameters()),
              1e-2);
    EXPECT_NEAR(eager.decoder_error, other->decoder_error, 1e-2 * eager.decoder_error);
    // What is left of it after the training is small, and rounding differences have grown by then.
    EXPECT_NEAR(eager.divergence, other->divergence, 5e-2 * eager.divergence);
  }
}

TEST(Distill, LibTorchReachesTheSameQuality) {
  const Sheet sheet;
  DistillOptions options;
  options.encoder_steps = 600;
  options.device = TrainingDevice::torch;
  const auto result = distill(sheet.task(), options);
  if (result.device == "processor") GTEST_SKIP() << "built without LibTorch";
  const auto [same, error] = sheet.quality(result.model);
  EXPECT_GT(same, 0.97);
  EXPECT_LT(error, 1.5);
}

TEST(Distill, AWarmStartBeginsWhereTheLastEpochEnded) {
  const Sheet sheet;
  DistillOptions options;
  options.encoder_steps = 600;
  const auto first = distill(sheet.task(), options);
  DistillTask task = sheet.task();
  task.previous = &first.model;
  // One step at a learning rate of nothing: what comes back has been folded and unfolded.
  options.encoder_steps = options.warm_decoder_steps = 1;
  options.encoder_rate = 0;
  options.decoder_rates = {0, 0};
  const auto again = distill(task, options);
  const auto [same, error] = sheet.quality(first.model);
  const auto [same_again, error_again] = sheet.quality(again.model);
  EXPECT_NEAR(same, same_again, 0.01);
  EXPECT_NEAR(error, error_again, 0.05 * error + 0.01);
}

}  // namespace
}  // namespace dvi
