#include "vis/attention.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "subject/logits.h"

namespace dvi {
namespace {

constexpr int64_t batch = 4096;  // samples whose cotangents go through the head together

void softmax(std::span<float> values, float temperature) {
  const float largest = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (auto& v : values) {
    v = std::exp((v - largest) / temperature);
    sum += v;
  }
  for (auto& v : values) v = static_cast<float>(v / sum);
}

Attention linear_attention(const LinearHead& head, const std::vector<Verdict>& verdicts, float temperature) {
  Attention attention;
  attention.row.reserve(verdicts.size());
  std::map<std::pair<int32_t, int32_t>, int32_t> rows;
  for (const auto& v : verdicts) {
    const auto pair = std::minmax(v.prediction, v.runner_up);
    attention.row.push_back(rows.try_emplace(pair, static_cast<int32_t>(rows.size())).first->second);
  }
  attention.table = Matrix(static_cast<int64_t>(rows.size()), head.weight.cols());
  for (const auto& [pair, row] : rows) {
    const float *first = head.weight.row(pair.first), *second = head.weight.row(pair.second);
    float* out = attention.table.row(row);
    for (int64_t d = 0; d < head.weight.cols(); ++d) out[d] = std::abs(first[d]) + std::abs(second[d]);
    softmax({out, static_cast<size_t>(head.weight.cols())}, temperature);
  }
  return attention;
}

}  // namespace

Attention head_attention(MatrixView features, MatrixView logits, SubjectModel& subject, float temperature) {
  if (features.rows != logits.rows || features.cols != subject.feature_dim() ||
      logits.cols != subject.class_count())
    fail("attention needs [n, {}] features and [n, {}] logits, but they are [{}, {}] and [{}, {}]",
         subject.feature_dim(), subject.class_count(), features.rows, features.cols, logits.rows,
         logits.cols);
  if (!(temperature > 0))
    fail("the temperature of the attention must be positive, but it is {}", temperature);
  const auto verdicts = judge(logits);
  if (const auto* head = subject.linear_head()) return linear_attention(*head, verdicts, temperature);

  Attention attention;
  attention.table = Matrix(features.rows, features.cols);
  attention.row.resize(static_cast<size_t>(features.rows));
  std::iota(attention.row.begin(), attention.row.end(), 0);
  for (int64_t begin = 0; begin < features.rows; begin += batch) {
    const int64_t n = std::min(batch, features.rows - begin);
    Matrix derivative(n, features.cols);
    for (const auto top : {&Verdict::prediction, &Verdict::runner_up}) {
      Matrix cotangent(n, logits.cols);
      for (int64_t i = 0; i < n; ++i) cotangent(i, verdicts[static_cast<size_t>(begin + i)].*top) = 1;
      subject.head_vjp(features.slice(begin, n), cotangent, derivative.mut());
      for (int64_t i = 0; i < n; ++i)
        for (int64_t d = 0; d < features.cols; ++d)
          attention.table(begin + i, d) += std::abs(derivative(i, d));
    }
  }
  parallel_for(features.rows, 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      softmax({attention.table.row(i), static_cast<size_t>(features.cols)}, temperature);
  });
  return attention;
}

}  // namespace dvi
