#include "vis/distill.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/error.h"
#include "core/parallel.h"
#include "graph/plane_neighbors.h"
#include "linalg/principal_subspace.h"
#include "vis/adam.h"
#include "vis/torch_distiller.h"

namespace dvi {

constinit PluginFunction<std::string()> torch_device("train on a graphics processor");
constinit PluginFunction<DistillLosses(const DistillProblem&, const DistillSchedule&, bool, Autoencoder&,
                                       const std::function<void(int64_t)>&)>
    distill_with_torch("train on a graphics processor");

namespace {

/// Features and positions in the units the networks are trained in, and the way back.
struct Units {
  PrincipalSubspace subspace;
  float feature_scale = 1;  // trained = feature_scale * basis * (f - mean)
  float centre[2] = {};     // trained = (y - centre) / spread
  float spread = 1;
};

Units make_units(MatrixView features, MatrixView positions, int64_t dimensions) {
  Units units{principal_subspace(features, dimensions), 1, {}, 1};
  // Unit variance if the variance were spread over 16 dimensions, about what classifiers' features fill.
  const double variance =
      units.subspace.total_variance / static_cast<double>(std::min<int64_t>(16, features.cols));
  units.feature_scale = variance > 0 ? static_cast<float>(1 / std::sqrt(variance)) : 1.f;
  double mean[2] = {}, square = 0;
  const auto n = static_cast<double>(positions.rows);
  for (int64_t i = 0; i < positions.rows; ++i)
    for (int c = 0; c < 2; ++c) mean[c] += positions(i, c) / n;
  for (int64_t i = 0; i < positions.rows; ++i)
    for (int c = 0; c < 2; ++c) square += (positions(i, c) - mean[c]) * (positions(i, c) - mean[c]) / (2 * n);
  for (int c = 0; c < 2; ++c) units.centre[c] = static_cast<float>(mean[c]);
  units.spread = square > 0 ? static_cast<float>(std::sqrt(square)) : 1.f;
  return units;
}

/// Networks over D dimensions from those over the subspace.
Autoencoder fold(const Autoencoder& small, const Units& units) {
  const int64_t d = units.subspace.feature_dim(), r = units.subspace.dimensions();
  const auto widths_with = [&](std::vector<int64_t> widths, bool front) {
    (front ? widths.front() : widths.back()) = d;
    return widths;
  };
  Random unused(0);
  Autoencoder out{Mlp(widths_with(small.encoder.widths(), true), unused),
                  Mlp(widths_with(small.decoder.widths(), false), unused)};
  const int last = small.encoder.layers() - 1;
  for (int l = 0; l <= last; ++l) {
    for (const auto& [from, to] :
         {std::pair(&small.encoder, &out.encoder), std::pair(&small.decoder, &out.decoder)}) {
      if ((from == &small.encoder && l == 0) || (from == &small.decoder && l == last)) continue;
      const MatrixView w = from->weight(l);
      std::copy(w.data, w.data + w.rows * w.cols, to->weight(l).data);
      std::copy(from->bias(l).begin(), from->bias(l).end(), to->bias(l).begin());
    }
  }
  {  // encoder, first layer: W x = feature_scale * W B (f - mean)
    const MatrixView w = small.encoder.weight(0);
    const MutMatrixView to = out.encoder.weight(0);
    multiply(w, units.subspace.basis, to);
    for (int64_t i = 0; i < w.rows; ++i) {
      double shift = 0;
      for (int64_t l = 0; l < d; ++l)
        shift += static_cast<double>(to(i, l) *= units.feature_scale) *
                 units.subspace.mean[static_cast<size_t>(l)];
      out.encoder.bias(0)[static_cast<size_t>(i)] =
          small.encoder.bias(0)[static_cast<size_t>(i)] - static_cast<float>(shift);
    }
  }
  for (int64_t c = 0; c < 2; ++c) {  // encoder, last layer: y = spread * z + centre
    for (int64_t j = 0; j < out.encoder.weight(last).cols; ++j)
      out.encoder.weight(last)(c, j) *= units.spread;
    float& b = out.encoder.bias(last)[static_cast<size_t>(c)];
    b = b * units.spread + units.centre[c];
  }
  for (int64_t i = 0; i < out.decoder.weight(0).rows;
       ++i) {  // decoder, first layer: z = (y - centre) / spread
    double shift = 0;
    for (int64_t c = 0; c < 2; ++c)
      shift += static_cast<double>(out.decoder.weight(0)(i, c) /= units.spread) * units.centre[c];
    out.decoder.bias(0)[static_cast<size_t>(i)] -= static_cast<float>(shift);
  }
  {  // decoder, last layer: f = mean + B^T x / feature_scale
    const MatrixView w = small.decoder.weight(last);
    const MutMatrixView to = out.decoder.weight(last);
    multiply(transposed(units.subspace.basis), w, to);
    for (int64_t l = 0; l < d; ++l) {
      for (int64_t j = 0; j < w.cols; ++j) to(l, j) /= units.feature_scale;
      double b = 0;
      for (int64_t i = 0; i < r; ++i)
        b += static_cast<double>(units.subspace.basis(i, l)) *
             small.decoder.bias(last)[static_cast<size_t>(i)];
      out.decoder.bias(last)[static_cast<size_t>(l)] =
          units.subspace.mean[static_cast<size_t>(l)] + static_cast<float>(b) / units.feature_scale;
    }
  }
  return out;
}

/// The reverse of fold() in (other) units; what the subspace cannot hold is lost.
void unfold(const Autoencoder& whole, const Units& units, Autoencoder& small) {
  const int64_t d = units.subspace.feature_dim(), r = units.subspace.dimensions();
  const int last = small.encoder.layers() - 1;
  for (int l = 0; l <= last; ++l) {
    for (const auto& [from, to] :
         {std::pair(&whole.encoder, &small.encoder), std::pair(&whole.decoder, &small.decoder)}) {
      if ((from == &whole.encoder && l == 0) || (from == &whole.decoder && l == last)) continue;
      const MatrixView w = from->weight(l);
      std::copy(w.data, w.data + w.rows * w.cols, to->weight(l).data);
      std::copy(from->bias(l).begin(), from->bias(l).end(), to->bias(l).begin());
    }
  }
  const MatrixView first = whole.encoder.weight(0);
  const MutMatrixView small_first = small.encoder.weight(0);
  multiply(first, transposed(units.subspace.basis), small_first);
  for (int64_t i = 0; i < first.rows; ++i) {
    double shift = 0;
    for (int64_t l = 0; l < d; ++l)
      shift += static_cast<double>(first(i, l)) * units.subspace.mean[static_cast<size_t>(l)];
    for (int64_t l = 0; l < r; ++l) small_first(i, l) /= units.feature_scale;
    small.encoder.bias(0)[static_cast<size_t>(i)] =
        whole.encoder.bias(0)[static_cast<size_t>(i)] + static_cast<float>(shift);
  }
  for (int64_t c = 0; c < 2; ++c) {
    for (int64_t j = 0; j < small.encoder.weight(last).cols; ++j)
      small.encoder.weight(last)(c, j) /= units.spread;
    float& b = small.encoder.bias(last)[static_cast<size_t>(c)];
    b = (b - units.centre[c]) / units.spread;
  }
  for (int64_t i = 0; i < small.decoder.weight(0).rows; ++i) {
    double shift = 0;
    for (int64_t c = 0; c < 2; ++c) {
      shift += static_cast<double>(small.decoder.weight(0)(i, c)) * units.centre[c];
      small.decoder.weight(0)(i, c) *= units.spread;
    }
    small.decoder.bias(0)[static_cast<size_t>(i)] += static_cast<float>(shift);
  }
  const MatrixView w = whole.decoder.weight(last);
  const MutMatrixView small_last = small.decoder.weight(last);
  multiply(units.subspace.basis, w, small_last);
  for (int64_t i = 0; i < r; ++i) {
    for (int64_t j = 0; j < w.cols; ++j) small_last(i, j) *= units.feature_scale;
    double b = 0;
    for (int64_t l = 0; l < d; ++l)
      b += static_cast<double>(units.subspace.basis(i, l)) *
           (whole.decoder.bias(last)[static_cast<size_t>(l)] - units.subspace.mean[static_cast<size_t>(l)]);
    small.decoder.bias(last)[static_cast<size_t>(i)] = static_cast<float>(b) * units.feature_scale;
  }
}

/// First layer of a network whose input is the plane: kinks of random direction through random samples. Drawn
/// the usual way, most lie where there are no samples, and fine territory takes many more passes.
void start_at_samples(Mlp& decoder, MatrixView trained_positions, Random& random) {
  constexpr double steepness = 10;
  const MutMatrixView w = decoder.weight(0);
  for (int64_t i = 0; i < w.rows; ++i) {
    const double angle = 2 * std::numbers::pi * random.uniform();
    const float* at = trained_positions.row(
        static_cast<int64_t>(random.below(static_cast<uint64_t>(trained_positions.rows))));
    w(i, 0) = static_cast<float>(steepness * std::cos(angle));
    w(i, 1) = static_cast<float>(steepness * std::sin(angle));
    decoder.bias(0)[static_cast<size_t>(i)] = -(w(i, 0) * at[0] + w(i, 1) * at[1]);
  }
}

/// softmax(logits) in place; returns log(sum(exp)).
float softmax(std::span<float> logits) {
  const float most = *std::max_element(logits.begin(), logits.end());
  float sum = 0;
  for (auto& v : logits) sum += v = std::exp(v - most);
  for (auto& v : logits) v /= sum;
  return most + std::log(sum);
}

/// What logits are multiplied with before distributions are compared: 1, but more for a classifier at the
/// start of its training, whose logits are nearly equal. Its distributions hardly differ, yet its predictions
/// are to survive the round trip all the same.
float sharpness(MatrixView logits) {
  constexpr double enough = 2;  // mean distance of the two largest logits
  double sum = 0;
  for (int64_t i = 0; i < logits.rows; ++i) {
    float first = -INFINITY, second = -INFINITY;
    for (int64_t c = 0; c < logits.cols; ++c) {
      const float v = logits(i, c);
      second = std::max(second, std::min(first, v));
      first = std::max(first, v);
    }
    sum += first - second;
  }
  const double mean = sum / static_cast<double>(logits.rows);
  return mean > 1e-6 ? static_cast<float>(std::max(1.0, enough / mean)) : 1.f;
}

class Distiller {
 public:
  Distiller(const DistillTask& task, const DistillOptions& options)
      : task_(task),
        options_(options),
        units_(make_units(task.features, task.positions, options.subspace)),
        random_(task.seed, 0xd15),
        sharpness_(sharpness(task.logits)) {
    const int64_t samples = task.features.rows, n = samples + task.more_features.rows,
                  r = units_.subspace.dimensions();
    features_ = Matrix(n, r);
    units_.subspace.project(task.features, features_.mut().slice(0, samples));
    units_.subspace.project(task.more_features, features_.mut().slice(samples, n - samples));
    positions_ = Matrix(n, 2);
    sources_.resize(static_cast<size_t>(n));
    std::iota(sources_.begin(), sources_.end(), 0);
    for (int64_t i = 0; i < n * r; ++i) features_.data()[i] *= units_.feature_scale;
    for (int64_t i = 0; i < n; ++i)
      for (int c = 0; c < 2; ++c)
        positions_(i, c) = (task.positions(i, c) - units_.centre[c]) / units_.spread;

    std::vector<int64_t> widths(static_cast<size_t>(options.hidden_layers + 2), options.hidden);
    widths.front() = r;
    widths.back() = 2;
    model_.encoder = Mlp(widths, random_);
    std::reverse(widths.begin(), widths.end());
    model_.decoder = Mlp(widths, random_);
    start_at_samples(model_.decoder, positions_, random_);
    add_places_beyond(samples);
    if (task.previous != nullptr) unfold(*task.previous, units_, model_);
    if (const LinearHead* head = task.subject->linear_head()) {
      // logits = W f + b with f = mean + B^T x / scale
      const int64_t classes = head->weight.rows(), d = head->weight.cols();
      head_weight_ = Matrix(classes, r);
      multiply(head->weight, transposed(units_.subspace.basis), head_weight_.mut());
      for (int64_t c = 0; c < classes; ++c) {
        double b = head->bias[static_cast<size_t>(c)];
        for (int64_t l = 0; l < d; ++l)
          b += static_cast<double>(head->weight(c, l)) * units_.subspace.mean[static_cast<size_t>(l)];
        head_bias_.push_back(static_cast<float>(b));
        for (int64_t l = 0; l < r; ++l) head_weight_(c, l) /= units_.feature_scale;
      }
    }
  }

  DistillResult run(const std::function<void(int64_t, int64_t)>& on_step) {
    const DistillSchedule schedule = make_schedule();
    const auto after = [&](int64_t step) {
      if (on_step) on_step(step, schedule.steps());
    };
    DistillResult result;
    result.device = device();
    const DistillLosses sums =
        result.device == "processor"
            ? train(schedule, after)
            : distill_with_torch(problem(), schedule, options_.device != DistillOptions::Device::torch_eager,
                                 model_, after);
    const auto counted = static_cast<double>((schedule.steps() - schedule.last_pass) * schedule.batch);
    result.encoder_error = sums.encoder / counted;
    result.decoder_error = sums.decoder / counted;
    result.divergence = sums.divergence / counted;
    if (!std::isfinite(result.encoder_error + result.decoder_error + result.divergence))
      fail(
          "training the visualization model did not stay finite; check the features for extreme values with "
          "`dvi check`");
    result.model = fold(model_, units_);
    return result;
  }

 private:
  /// Places all over a square twice as wide as the picture, but for those among the samples, each with the
  /// sample (one of the first `samples` rows) that is nearest to it.
  void add_places_beyond(int64_t samples) {
    constexpr int64_t most_places = 4000, most_compared = 20'000;
    constexpr float width = 2, among = 0.03f;  // in sides of the square around all points
    const int64_t n = positions_.rows(), stride = (samples + most_compared - 1) / most_compared;
    const auto drawn = std::min(most_places, static_cast<int64_t>(options_.beyond * static_cast<double>(n)));
    float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int64_t i = 0; i < n; ++i)
      for (int c = 0; c < 2; ++c) {
        low[c] = std::min(low[c], positions_(i, c));
        high[c] = std::max(high[c], positions_(i, c));
      }
    const float side = std::max(high[0] - low[0], high[1] - low[1]);
    Matrix places(drawn, 2);
    Random random(task_.seed, 0xbe7);
    for (int64_t p = 0; p < drawn; ++p)
      for (int c = 0; c < 2; ++c)
        places(p, c) =
            0.5f * (low[c] + high[c]) + width * side * (static_cast<float>(random.uniform()) - 0.5f);
    std::vector<int32_t> compared;
    for (int64_t i = 0; i < samples; i += stride) compared.push_back(static_cast<int32_t>(i));
    const Neighbors nearest = PlaneIndex(positions_, compared).nearest(places, 1);
    std::vector<float> kept(positions_.data(), positions_.data() + 2 * n);
    for (int64_t p = 0; p < drawn; ++p) {
      if (nearest.distances(p)[0] <= among * side) continue;
      kept.insert(kept.end(), places.row(p), places.row(p) + 2);
      sources_.push_back(nearest.row(p)[0]);
    }
    places_ = Matrix(static_cast<int64_t>(sources_.size()), 2);
    std::copy(kept.begin(), kept.end(), places_.data());
  }

  DistillSchedule make_schedule() {
    std::vector<int32_t> order = task_.visits;
    if (order.empty()) {
      order.resize(static_cast<size_t>(features_.rows()));
      std::iota(order.begin(), order.end(), 0);
    }
    for (int64_t p = features_.rows(); p < places_.rows(); ++p) order.push_back(static_cast<int32_t>(p));
    const auto n = static_cast<int64_t>(order.size());
    DistillSchedule schedule;
    schedule.batch = std::clamp<int64_t>(n / 60, std::min<int64_t>(n, 64), std::min(n, options_.batch));
    const int64_t per_pass = n / schedule.batch, steps = options_.steps;
    for (int64_t step = 0; step < steps; ++step) {
      if (step % per_pass == 0) {
        for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random_.below(i + 1)]);
        schedule.last_pass = step;
      }
      const auto first = order.begin() + step % per_pass * schedule.batch;
      schedule.rows.insert(schedule.rows.end(), first, first + schedule.batch);
      // A short rise keeps Adam's first steps, whose scale is not known yet, from undoing a warm start; then
      // a half cosine.
      const double progress = static_cast<double>(step) / static_cast<double>(steps);
      schedule.rates.push_back(options_.learning_rate * std::min(1.0, static_cast<double>(step + 1) / 20) *
                               (0.02 + 0.98 * 0.5 * (1 + std::cos(std::numbers::pi * progress))));
    }
    return schedule;
  }

  /// On the processor.
  template <typename After>
  DistillLosses train(const DistillSchedule& schedule, const After& after) {
    // Waking a thread for fewer samples than these takes longer than they do (docs/explanation/trainer.md).
    constexpr int64_t samples_worth_a_thread = 32;
    workers_.resize(
        static_cast<size_t>(std::clamp<int64_t>(schedule.batch / samples_worth_a_thread, 1, threads())));
    for (auto& worker : workers_) {
      worker.encoder_gradient.assign(model_.encoder.parameters().size(), 0.f);
      worker.decoder_gradient.assign(model_.decoder.parameters().size(), 0.f);
    }
    Adam encoder_adam(model_.encoder.parameters().size()), decoder_adam(model_.decoder.parameters().size());
    for (int64_t step = 0; step < schedule.steps(); ++step) {
      if (step == schedule.last_pass)
        for (auto& w : workers_) w.encoder_error = w.decoder_error = w.divergence = 0;
      const double rate = schedule.rates[static_cast<size_t>(step)];
      gradients({schedule.rows.data() + step * schedule.batch, static_cast<size_t>(schedule.batch)}, step);
      collect([](Worker& w) -> std::vector<float>& { return w.encoder_gradient; }, model_.encoder,
              encoder_adam, rate);
      collect([](Worker& w) -> std::vector<float>& { return w.decoder_gradient; }, model_.decoder,
              decoder_adam, rate);
      after(step + 1);
    }
    DistillLosses sums;
    for (const auto& w : workers_) {
      sums.encoder += w.encoder_error;
      sums.decoder += w.decoder_error;
      sums.divergence += w.divergence;
    }
    return sums;
  }

  std::string device() const {
    using Device = DistillOptions::Device;
    const bool possible =
        options_.device != Device::processor && !head_bias_.empty() && torch_device.available();
    const std::string torch = possible ? torch_device() : "";
    return torch.empty() || (options_.device == Device::fastest && torch != "cuda") ? "processor" : torch;
  }
  DistillProblem problem() const {
    return {
        features_,    positions_, task_.logits, sources_, places_,
        head_weight_, head_bias_, sharpness_,   jitter(), static_cast<float>(options_.reconstruction_weight),
        task_.seed};
  }
  float jitter() const { return static_cast<float>(options_.jitter) / units_.spread; }

  struct Worker {
    Mlp::Trace encoder_trace, decoder_trace;
    std::vector<float> encoder_gradient, decoder_gradient;
    std::vector<int32_t> sources;
    Matrix features, positions, jittered, logits, cotangent;
    double encoder_error = 0, decoder_error = 0, divergence = 0;
  };

  template <typename Get>
  void collect(const Get& get, Mlp& mlp, Adam& adam, double rate) {
    std::vector<std::vector<float>> all;
    for (auto& w : workers_) all.push_back(std::move(get(w)));
    adam.step(mlp.parameters(), all, static_cast<float>(rate));
    for (size_t i = 0; i < workers_.size(); ++i) get(workers_[i]) = std::move(all[i]);
  }

  void gradients(std::span<const int32_t> ids, int64_t step) {
    const auto batch = static_cast<int64_t>(ids.size());
    const bool linear = !head_bias_.empty();
    const auto share = [&](int worker) {
      const int64_t count = static_cast<int64_t>(workers_.size()), begin = batch * worker / count;
      return ids.subspan(static_cast<size_t>(begin),
                         static_cast<size_t>(batch * (worker + 1) / count - begin));
    };
    const int count = static_cast<int>(workers_.size());
    parallel_workers(count, [&](int worker) {
      forward(workers_[static_cast<size_t>(worker)], share(worker), step, worker, batch);
      if (linear) judge_linear(workers_[static_cast<size_t>(worker)], batch);
      if (linear) backward(workers_[static_cast<size_t>(worker)], batch);
    });
    if (linear) return;
    for (auto& w : workers_) judge_general(w, batch);
    parallel_workers(count, [&](int worker) { backward(workers_[static_cast<size_t>(worker)], batch); });
  }

  void forward(Worker& w, std::span<const int32_t> ids, int64_t step, int worker, int64_t batch) {
    w.sources.clear();
    for (const int32_t id : ids) w.sources.push_back(sources_[static_cast<size_t>(id)]);
    w.features = gather_rows(features_, w.sources);
    w.positions = gather_rows(positions_, w.sources);
    w.jittered = gather_rows(places_, ids);
    Random random(task_.seed ^ 0x11772, static_cast<uint64_t>(step), static_cast<uint64_t>(worker));
    for (int64_t i = 0; i < 2 * w.jittered.rows(); ++i)
      w.jittered.data()[i] += static_cast<float>(jitter() * random.normal());

    const MutMatrixView out = model_.encoder.forward(w.features, w.encoder_trace, options_.precision);
    for (int64_t i = 0; i < out.rows * 2; ++i) {
      const float error = out.data[i] - w.positions.data()[i];
      w.encoder_error += 0.5 * error * error;
      out.data[i] = error / static_cast<float>(batch);
    }
    model_.encoder.backward(w.features, w.encoder_trace, out, w.encoder_gradient, nullptr,
                            options_.precision);
    model_.decoder.forward(w.jittered, w.decoder_trace, options_.precision);
  }

  /// KL(p || q) of one sample; `q` holds logits and becomes (q - p) / batch, its gradient.
  double divergence(std::span<const float> logits, std::span<float> q, int64_t batch) const {
    thread_local std::vector<float> target, p, raw;
    target.resize(q.size());
    for (size_t c = 0; c < q.size(); ++c) {
      target[c] = logits[c] * sharpness_;
      q[c] *= sharpness_;
    }
    p = target;
    raw.assign(q.begin(), q.end());
    const float log_p = softmax(p), log_q = softmax(q);
    double kl = 0;
    for (size_t c = 0; c < p.size(); ++c) {
      if (p[c] > 0) kl += static_cast<double>(p[c]) * ((target[c] - log_p) - (raw[c] - log_q));
      q[c] = sharpness_ * (q[c] - p[c]) / static_cast<float>(batch);
    }
    return kl;
  }

  void judge_linear(Worker& w, int64_t batch) {
    const MatrixView out = w.decoder_trace.output();
    const int64_t classes = head_weight_.rows(), r = out.cols;
    if (w.logits.rows() != out.rows) w.logits = Matrix(out.rows, classes);
    if (w.cotangent.rows() != out.rows) w.cotangent = Matrix(out.rows, r);
    multiply(out, transposed(head_weight_), w.logits.mut());
    for (int64_t i = 0; i < out.rows; ++i) {
      float* row = w.logits.row(i);
      for (int64_t c = 0; c < classes; ++c) row[c] += head_bias_[static_cast<size_t>(c)];
      w.divergence +=
          divergence({task_.logits.row(w.sources[static_cast<size_t>(i)]), static_cast<size_t>(classes)},
                     {row, static_cast<size_t>(classes)}, batch);
    }
    multiply(w.logits, head_weight_, w.cotangent.mut());
  }

  /// Any head: features are put together, judged, and the gradient is taken back to the subspace.
  void judge_general(Worker& w, int64_t batch) {
    const MatrixView out = w.decoder_trace.output();
    const int64_t d = units_.subspace.feature_dim(), r = out.cols, classes = task_.subject->class_count();
    Matrix features(out.rows, d), gradient(out.rows, d);
    multiply(out, units_.subspace.basis, features.mut());
    for (int64_t i = 0; i < out.rows; ++i)
      for (int64_t l = 0; l < d; ++l)
        features(i, l) = features(i, l) / units_.feature_scale + units_.subspace.mean[static_cast<size_t>(l)];
    w.logits = Matrix(out.rows, classes);
    task_.subject->head(features, w.logits.mut());
    for (int64_t i = 0; i < out.rows; ++i)
      w.divergence +=
          divergence({task_.logits.row(w.sources[static_cast<size_t>(i)]), static_cast<size_t>(classes)},
                     {w.logits.row(i), static_cast<size_t>(classes)}, batch);
    task_.subject->head_vjp(features, w.logits, gradient.mut());
    w.cotangent = Matrix(out.rows, r);
    multiply(gradient, transposed(units_.subspace.basis), w.cotangent.mut());
    for (int64_t i = 0; i < out.rows * r; ++i) w.cotangent.data()[i] /= units_.feature_scale;
  }

  void backward(Worker& w, int64_t batch) {
    const MutMatrixView out = w.decoder_trace.output();
    // Mean over 16 dimensions, in which the units make the features' variance 1.
    const double weight = options_.reconstruction_weight / 16;
    for (int64_t i = 0; i < out.rows * out.cols; ++i) {
      const float error = out.data[i] - w.features.data()[i];
      w.decoder_error += error * error / 16;
      out.data[i] =
          static_cast<float>(2 * weight) * error / static_cast<float>(batch) + w.cotangent.data()[i];
    }
    model_.decoder.backward(w.jittered, w.decoder_trace, out, w.decoder_gradient, nullptr,
                            options_.precision);
  }

  const DistillTask& task_;
  const DistillOptions& options_;
  Units units_;
  std::vector<Worker> workers_;
  Random random_;
  float sharpness_;
  Autoencoder model_;
  Matrix features_, positions_;   // of samples
  std::vector<int32_t> sources_;  // a row of these for each place
  Matrix places_;                 // what the decoder leads back from: the positions, then places beyond
  Matrix head_weight_;            // [C, r] of a linear head over trained units
  std::vector<float> head_bias_;  // empty for any other head
};

}  // namespace

DistillResult distill(const DistillTask& task, const DistillOptions& options,
                      const std::function<void(int64_t, int64_t)>& on_step) {
  return Distiller(task, options).run(on_step);
}

}  // namespace dvi
