#include "import/head.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/parallel.h"

namespace dvi {
namespace {

bool named_like_a_head(const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* word : {"prediction", "head", "classifier", "fc", "linear", "output", "out.", "logits"})
    if (lower.find(word) != std::string::npos) return true;
  return false;
}

/// Cholesky factor (lower) of the symmetric matrix a [n, n], in place. Columns are done in parallel by rows.
void factorise(std::vector<double>& a, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    double* row_j = &a[static_cast<size_t>(j * n)];
    double diagonal = row_j[j];
    for (int64_t k = 0; k < j; ++k) diagonal -= row_j[k] * row_j[k];
    if (!(diagonal > 0))
      fail("the features: expected finite numbers to solve the head from, found none usable");
    row_j[j] = std::sqrt(diagonal);
    parallel_for(n - j - 1, 64, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = j + 1 + begin; i < j + 1 + end; ++i) {
        double* row_i = &a[static_cast<size_t>(i * n)];
        double sum = row_i[j];
        for (int64_t k = 0; k < j; ++k) sum -= row_i[k] * row_j[k];
        row_i[j] = sum / row_j[j];
      }
    });
  }
}

}  // namespace

std::vector<ImportedHead> heads_by_name(const std::vector<NamedTensor>& state, int64_t class_count,
                                        int64_t feature_dim) {
  std::vector<ImportedHead> heads;
  for (const NamedTensor& entry : state) {
    if (entry.tensor.shape != std::vector<int64_t>{class_count, feature_dim}) continue;
    ImportedHead head{Matrix(class_count, feature_dim),
                      std::vector<float>(static_cast<size_t>(class_count), 0.f), entry.name};
    const auto weight = entry.tensor.to_floats();
    std::copy(weight.begin(), weight.end(), head.weight.data());
    if (entry.name.ends_with("weight")) {
      const std::string bias_name = entry.name.substr(0, entry.name.size() - 6) + "bias";
      for (const NamedTensor& other : state)
        if (other.name == bias_name && other.tensor.shape == std::vector<int64_t>{class_count})
          head.bias = other.tensor.to_floats();
    }
    heads.push_back(std::move(head));
  }
  std::reverse(heads.begin(), heads.end());
  std::stable_partition(heads.begin(), heads.end(),
                        [](const ImportedHead& h) { return named_like_a_head(h.name); });
  return heads;
}

ImportedHead solve_head(MatrixView features, MatrixView logits) {
  const int64_t d = features.cols, c = logits.cols;
  const int64_t used = std::min(features.rows, std::max<int64_t>(8 * d, 20000));
  // Centred, so that the constant does not spoil the conditioning: then it is a plain difference of means.
  std::vector<double> mean_f(static_cast<size_t>(d), 0.0), mean_z(static_cast<size_t>(c), 0.0);
  const auto sample = [&](int64_t i) { return i * features.rows / used; };
  for (int64_t i = 0; i < used; ++i) {
    for (int64_t j = 0; j < d; ++j)
      mean_f[static_cast<size_t>(j)] += features(sample(i), j) / static_cast<double>(used);
    for (int64_t j = 0; j < c; ++j)
      mean_z[static_cast<size_t>(j)] += logits(sample(i), j) / static_cast<double>(used);
  }
  std::vector<double> gram(static_cast<size_t>(d * d), 0.0), right(static_cast<size_t>(d * c), 0.0);
  parallel_for(d, 16, [&](int64_t begin, int64_t end, int) {
    std::vector<double> row(static_cast<size_t>(d));
    for (int64_t s = 0; s < used; ++s) {
      const float *f = features.row(sample(s)), *z = logits.row(sample(s));
      for (int64_t j = 0; j < end; ++j) row[static_cast<size_t>(j)] = f[j] - mean_f[static_cast<size_t>(j)];
      for (int64_t i = begin; i < end; ++i) {
        const double fi = row[static_cast<size_t>(i)];
        double* g = &gram[static_cast<size_t>(i * d)];
        for (int64_t j = 0; j <= i; ++j) g[j] += fi * row[static_cast<size_t>(j)];
        for (int64_t j = 0; j < c; ++j)
          right[static_cast<size_t>(i * c + j)] += fi * (z[j] - mean_z[static_cast<size_t>(j)]);
      }
    }
  });
  double trace = 0;
  for (int64_t i = 0; i < d; ++i) trace += gram[static_cast<size_t>(i * d + i)];
  // Dead units make the equations singular; where all are dead the head is its bias.
  const double ridge = trace > 0 ? 1e-10 * trace / static_cast<double>(d) : 1.0;
  for (int64_t i = 0; i < d; ++i) gram[static_cast<size_t>(i * d + i)] += ridge;
  factorise(gram, d);

  ImportedHead head{Matrix(c, d), std::vector<float>(static_cast<size_t>(c)), ""};
  std::vector<double> x(static_cast<size_t>(d));
  for (int64_t k = 0; k < c; ++k) {
    for (int64_t i = 0; i < d; ++i) {
      double sum = right[static_cast<size_t>(i * c + k)];
      for (int64_t j = 0; j < i; ++j) sum -= gram[static_cast<size_t>(i * d + j)] * x[static_cast<size_t>(j)];
      x[static_cast<size_t>(i)] = sum / gram[static_cast<size_t>(i * d + i)];
    }
    for (int64_t i = d; i-- > 0;) {
      double sum = x[static_cast<size_t>(i)];
      for (int64_t j = i + 1; j < d; ++j)
        sum -= gram[static_cast<size_t>(j * d + i)] * x[static_cast<size_t>(j)];
      x[static_cast<size_t>(i)] = sum / gram[static_cast<size_t>(i * d + i)];
    }
    double bias = mean_z[static_cast<size_t>(k)];
    for (int64_t i = 0; i < d; ++i) {
      head.weight(k, i) = static_cast<float>(x[static_cast<size_t>(i)]);
      bias -= x[static_cast<size_t>(i)] * mean_f[static_cast<size_t>(i)];
    }
    head.bias[static_cast<size_t>(k)] = static_cast<float>(bias);
  }
  return head;
}

Matrix apply_head(const ImportedHead& head, MatrixView features) {
  Matrix logits(features.rows, head.weight.rows());
  parallel_for(features.rows, 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t k = 0; k < logits.cols(); ++k) {
        float sum = 0;
        const float *f = features.row(i), *w = head.weight.row(k);
        for (int64_t j = 0; j < features.cols; ++j) sum += f[j] * w[j];
        logits(i, k) = sum + head.bias[static_cast<size_t>(k)];
      }
  });
  return logits;
}

double head_residual(const ImportedHead& head, MatrixView features, MatrixView logits) {
  const Matrix made = apply_head(head, features);
  double error = 0, sum = 0, squares = 0;
  for (int64_t i = 0; i < logits.rows * logits.cols; ++i) {
    const double z = logits.data[i], e = made.data()[i] - z;
    error += e * e;
    sum += z;
    squares += z * z;
  }
  const double count = static_cast<double>(logits.rows * logits.cols);
  const double variance = squares / count - (sum / count) * (sum / count);
  return std::sqrt(error / count) / std::sqrt(std::max(variance, 1e-30));
}

}  // namespace dvi
