#include "causes/step_pushes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "causes/nonnegative.h"
#include "core/parallel.h"
#include "core/random.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

constexpr int64_t block_rows = 2048;
// Groups by label need 2 C^2 gains; beyond this many classes each logit has its own samples and the others.
constexpr int64_t most_label_groups = 64;
// Train samples whose change of logits the gains are fitted to.
constexpr int64_t most_fitted = 2000;

struct Residuals {
  const RecordedEpoch& epoch;
  std::span<const int32_t> labels;
  float operator()(int32_t id, int64_t c) const {
    return static_cast<float>(labels[static_cast<size_t>(id)] == c) - epoch.probabilities()(id, c);
  }
};

/// sums [C, D + 1] += sum over `ids` of residual(z)_c (f(z), 1).
void add_gradient(const RecordedEpoch& at, std::span<const int32_t> ids, const Residuals& residual,
                  MutMatrixView sums) {
  const int64_t d = at.features().cols;
  for (size_t begin = 0; begin < ids.size(); begin += block_rows) {
    const auto piece = ids.subspan(begin, std::min<size_t>(block_rows, ids.size() - begin));
    Matrix copy, r(static_cast<int64_t>(piece.size()), sums.rows), product(sums.rows, d);
    const MatrixView f = view_rows(at.features(), piece, copy);
    for (int64_t i = 0; i < r.rows(); ++i)
      for (int64_t c = 0; c < r.cols(); ++c) r(i, c) = residual(piece[static_cast<size_t>(i)], c);
    multiply(transposed(r), f, product.mut());
    for (int64_t c = 0; c < sums.rows; ++c) {
      for (int64_t j = 0; j < d; ++j) sums(c, j) += product(c, j);
      for (int64_t i = 0; i < r.rows(); ++i) sums(c, d) += r(i, c);
    }
  }
}

/// Gradients of the two ends by group of train samples, and the gains that explain how logits changed.
class Gains {
 public:
  Gains(const RecordedEpoch& a, const RecordedEpoch& b, std::span<const int32_t> labels)
      : a_(a),
        b_(b),
        labels_(labels),
        classes_(a.logits().cols),
        by_label_(classes_ <= most_label_groups),
        groups_(by_label_ ? classes_ : 2) {
    add_gradients();
    fit();
  }

  /// alpha(z)_c.
  float alpha(int32_t z, int64_t c) const {
    const int64_t g = group(z, c);
    return static_cast<float>(gain(c, 0, g) * Residuals{a_, labels_}(z, c) +
                              gain(c, 1, g) * Residuals{b_, labels_}(z, c));
  }

 private:
  int64_t group(int32_t z, int64_t c) const {
    const int32_t label = labels_[static_cast<size_t>(z)];
    return by_label_ ? label : static_cast<int64_t>(label != c);
  }
  int64_t columns() const { return 2 * groups_; }
  double gain(int64_t c, int64_t end, int64_t g) const {
    return gains_[static_cast<size_t>(c * columns() + end * groups_ + g)];
  }

  /// gradients_ [C * 2 * groups, D + 1]: row (c, end, group) is the group's sum of residual_c (f, 1).
  void add_gradients() {
    const int64_t d = a_.features().cols;
    gradients_ = Matrix(classes_ * columns(), d + 1);
    std::vector<std::vector<int32_t>> of_label(static_cast<size_t>(classes_));
    for (const int32_t z : b_.trained_on())
      of_label[static_cast<size_t>(labels_[static_cast<size_t>(z)])].push_back(z);
    std::vector<Matrix> sums(static_cast<size_t>(2 * classes_));
    parallel_for(2 * classes_, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t job = begin; job < end; ++job) {
        const Residuals residual{job % 2 == 0 ? a_ : b_, labels_};
        sums[static_cast<size_t>(job)] = Matrix(classes_, d + 1);
        add_gradient(a_, of_label[static_cast<size_t>(job / 2)], residual,
                     sums[static_cast<size_t>(job)].mut());
      }
    });
    for (int64_t label = 0; label < classes_; ++label)
      for (int64_t end = 0; end < 2; ++end)
        for (int64_t c = 0; c < classes_; ++c) {
          const int64_t g = by_label_ ? label : static_cast<int64_t>(label != c);
          const float* from = sums[static_cast<size_t>(2 * label + end)].row(c);
          float* to = gradients_.row(c * columns() + end * groups_ + g);
          for (int64_t j = 0; j <= d; ++j) to[j] += from[j];
        }
  }

  void fit() {
    const auto chosen = fitted_samples();
    const auto n = static_cast<int64_t>(chosen.size());
    const int64_t d = a_.features().cols, width = gradients_.rows();
    Matrix f(n, d + 1), predicted(n, width);
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(a_.features().row(chosen[static_cast<size_t>(i)]), d, f.row(i));
      f(i, d) = 1;
    }
    multiply(f, transposed(gradients_), predicted.mut());
    // A change of all logits alike changes nothing that is predicted, so it is not to be explained.
    Matrix changed(n, classes_);
    for (int64_t i = 0; i < n; ++i) {
      const int32_t id = chosen[static_cast<size_t>(i)];
      double mean = 0;
      for (int64_t c = 0; c < classes_; ++c) mean += double{b_.logits()(id, c)} - a_.logits()(id, c);
      for (int64_t c = 0; c < classes_; ++c)
        changed(i, c) = static_cast<float>(double{b_.logits()(id, c)} - a_.logits()(id, c) -
                                           mean / static_cast<double>(classes_));
    }
    gains_.assign(static_cast<size_t>(width), 0);
    parallel_for(classes_, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t c = begin; c < end; ++c) fit_logit(c, predicted, changed);
    });
  }

  void fit_logit(int64_t c, MatrixView predicted, MatrixView changed) {
    const int64_t k = columns();
    const auto size = static_cast<size_t>(k);
    std::vector<double> q(size * size, 0), target(size, 0), scale(size, 0);
    for (int64_t i = 0; i < predicted.rows; ++i) {
      const float* row = predicted.row(i) + c * k;
      for (int64_t j = 0; j < k; ++j) {
        target[static_cast<size_t>(j)] += double{row[j]} * changed(i, c);
        for (int64_t l = 0; l <= j; ++l) q[static_cast<size_t>(j * k + l)] += double{row[j]} * row[l];
      }
    }
    // Columns of length 1, so that coordinate descent sees them alike.
    for (size_t j = 0; j < size; ++j) scale[j] = q[j * size + j] > 0 ? 1 / std::sqrt(q[j * size + j]) : 0;
    for (size_t j = 0; j < size; ++j) {
      target[j] *= scale[j];
      for (size_t l = 0; l <= j; ++l) q[l * size + j] = q[j * size + l] *= scale[j] * scale[l];
    }
    const auto weights = nonnegative_weights(q, target);
    for (size_t j = 0; j < size; ++j) gains_[static_cast<size_t>(c * k) + j] = weights[j] * scale[j];
  }

  std::vector<int32_t> fitted_samples() const {
    std::vector<int32_t> ids = b_.trained_on();
    if (static_cast<int64_t>(ids.size()) <= most_fitted) return ids;
    Random random(1, 71);
    for (size_t i = 0; i < most_fitted; ++i) std::swap(ids[i], ids[i + random.below(ids.size() - i)]);
    ids.resize(most_fitted);
    return ids;
  }

  const RecordedEpoch& a_;
  const RecordedEpoch& b_;
  std::span<const int32_t> labels_;
  int64_t classes_;
  bool by_label_;
  int64_t groups_;
  Matrix gradients_;
  std::vector<double> gains_;  // [C, 2, groups]
};

}  // namespace

StepPushes::StepPushes(const RecordedEpoch& a, const RecordedEpoch& b, std::span<const int32_t> labels,
                       GainModel model)
    : a_(a), b_(b) {
  const auto& ids = train();
  const auto n = static_cast<int64_t>(ids.size());
  const int64_t classes = a.logits().cols, d = a.features().cols;
  std::optional<Gains> gains;
  if (model == GainModel::fitted) gains.emplace(a, b, labels);
  alpha_ = Matrix(n, classes);
  parallel_for(n, block_rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t c = 0; c < classes; ++c) {
        const int32_t z = ids[static_cast<size_t>(i)];
        alpha_(i, c) = gains ? gains->alpha(z, c) : Residuals{a, labels}(z, c);
      }
  });
  // The sum of all pushes on any sample's logits is linear in its features.
  const int64_t pieces = (n + block_rows - 1) / block_rows;
  std::vector<Matrix> sums(static_cast<size_t>(pieces));
  parallel_for(pieces, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t first = piece * block_rows, count = std::min(block_rows, n - first);
      Matrix copy;
      const MatrixView f = view_rows(
          a.features(), std::span(ids).subspan(static_cast<size_t>(first), static_cast<size_t>(count)), copy);
      Matrix& sum = sums[static_cast<size_t>(piece)] = Matrix(classes, d);
      multiply(transposed(alpha_.view().slice(first, count)), f, sum.mut());
    }
  });
  sums_ = Matrix(classes, d + 1);
  for (const Matrix& sum : sums)
    for (int64_t c = 0; c < classes; ++c)
      for (int64_t j = 0; j < d; ++j) sums_(c, j) += sum(c, j);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t c = 0; c < classes; ++c) sums_(c, d) += alpha_(i, c);
}

double StepPushes::predicted(int32_t sample, int32_t from, int32_t to) const {
  const int64_t d = a_.features().cols;
  const float* f = a_.features().row(sample);
  double change = double{sums_(to, d)} - sums_(from, d);
  for (int64_t j = 0; j < d; ++j) change += double{f[j]} * (sums_(to, j) - sums_(from, j));
  return change;
}

void StepPushes::add_pushes(std::span<const int32_t> samples, std::span<const int32_t> from,
                            std::span<const int32_t> to, MutMatrixView pushes) const {
  const auto& ids = train();
  const auto n = static_cast<int64_t>(ids.size()), count = static_cast<int64_t>(samples.size());
  const Matrix x = gather_rows(a_.features(), samples);
  parallel_for(n, block_rows, [&](int64_t begin, int64_t end, int) {
    Matrix copy, products(end - begin, count);
    const MatrixView f =
        view_rows(a_.features(),
                  std::span(ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)), copy);
    multiply(f, transposed(x), products.mut());
    for (int64_t i = 0; i < count; ++i) {
      float* row = pushes.row(i);
      const int32_t c = to[static_cast<size_t>(i)], other = from[static_cast<size_t>(i)];
      for (int64_t z = begin; z < end; ++z)
        row[z] += (products(z - begin, i) + 1) * (alpha_(z, c) - alpha_(z, other));
    }
  });
}

}  // namespace dvi
