#include "landscape/decoder_landscape.h"

#include <algorithm>

#include "core/parallel.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

/// head(last layer(h)) = weight * h + bias.
LinearHead composed(const LinearHead& head, MatrixView last_weight, std::span<const float> last_bias) {
  const int64_t classes = head.weight.rows(), dim = last_weight.rows, hidden = last_weight.cols;
  LinearHead out{Matrix(classes, hidden), head.bias};
  gemm(false, false, classes, hidden, dim, head.weight.data(), dim, last_weight.data, hidden,
       out.weight.data(), hidden);
  for (int64_t c = 0; c < classes; ++c)
    for (int64_t d = 0; d < dim; ++d)
      out.bias[static_cast<size_t>(c)] += head.weight(c, d) * last_bias[static_cast<size_t>(d)];
  return out;
}

/// The decoder without its last layer; its own last layer then lacks a ReLU.
Mlp hidden_layers(const Mlp& decoder) {
  std::vector<int64_t> widths(decoder.widths().begin(), decoder.widths().end() - 1);
  int64_t count = 0;
  for (size_t l = 0; l + 1 < widths.size(); ++l) count += (widths[l] + 1) * widths[l + 1];
  const auto parameters = decoder.parameters().first(static_cast<size_t>(count));
  return Mlp(std::move(widths), {parameters.begin(), parameters.end()});
}

}  // namespace

Landscape paint(const Mlp& decoder, SubjectModel& subject, const Extent& extent, int size) {
  std::vector<Mlp::Trace> traces(static_cast<size_t>(threads()));
  const LinearHead* head = subject.linear_head();
  if (!head || decoder.layers() < 2)
    return paint(
        [&](MatrixView points, MutMatrixView features, int worker) {
          const auto decoded = decoder.forward(points, traces[static_cast<size_t>(worker)], best_precision());
          std::copy_n(decoded.data, decoded.rows * decoded.cols, features.data);
        },
        subject, extent, size);

  const Mlp hidden = hidden_layers(decoder);
  const int last = decoder.layers() - 1;
  const LinearHead end = composed(*head, decoder.weight(last), decoder.bias(last));
  std::vector<Matrix> rectified(static_cast<size_t>(threads()));
  return paint(
      [&](MatrixView points, MutMatrixView logits, int worker) {
        const auto h = hidden.forward(points, traces[static_cast<size_t>(worker)], best_precision());
        Matrix& relu = rectified[static_cast<size_t>(worker)];
        if (relu.rows() < h.rows) relu = Matrix(h.rows, h.cols);
        std::transform(h.data, h.data + h.rows * h.cols, relu.data(),
                       [](float v) { return std::max(v, 0.f); });
        for (int64_t i = 0; i < logits.rows; ++i) std::copy(end.bias.begin(), end.bias.end(), logits.row(i));
        gemm(false, true, h.rows, logits.cols, h.cols, relu.data(), h.cols, end.weight.data(), h.cols,
             logits.data, logits.cols, true);
      },
      subject.class_count(), extent, size);
}

}  // namespace dvi
