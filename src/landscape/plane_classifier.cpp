#include "landscape/plane_classifier.h"

#include <algorithm>

#include "comm/shared_for.h"
#include "core/parallel.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

constexpr int64_t block = 512;  // points that a worker takes at once

/// head(last layer(h)) = weight * h + bias.
LinearHead compose(const LinearHead& head, MatrixView last_weight, std::span<const float> last_bias) {
  const int64_t classes = head.weight.rows(), dim = last_weight.rows, hidden = last_weight.cols;
  LinearHead out{Matrix(classes, hidden), head.bias};
  multiply(head.weight, last_weight, out.weight.mut());
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

PlaneClassifier::PlaneClassifier(const PlaneDecoder& decoder, SubjectModel& subject)
    : decoder_(decoder), subject_(subject), workspaces_(static_cast<size_t>(threads())) {
  const LinearHead* head = subject.linear_head();
  const Mlp& network = decoder.network;
  if (head == nullptr || network.layers() < 2) return;
  const int last = network.layers() - 1;
  hidden_ = {decoder.grid, hidden_layers(network)};
  last_ = compose(*head, network.weight(last), network.bias(last));
}

MatrixView PlaneClassifier::last_hidden(MatrixView points, int worker) {
  Workspace& w = workspaces_[static_cast<size_t>(worker)];
  const auto h = hidden_.forward(points, w.trace, best_precision());
  if (w.rectified.rows() < h.rows) w.rectified = Matrix(h.rows, h.cols);
  std::transform(h.data, h.data + h.rows * h.cols, w.rectified.data(),
                 [](float v) { return std::max(v, 0.f); });
  return w.rectified.view().slice(0, h.rows);
}

void PlaneClassifier::logits(MatrixView points, MutMatrixView logits, int worker) {
  linear(last_hidden(points, worker), last_.weight, last_.bias, logits);
}

void PlaneClassifier::decode(MatrixView points, MutMatrixView features, MutMatrixView logits) {
  if (!composed()) {
    decoder_.apply(points, features);
    subject_.head(features, logits);
    return;
  }
  const Mlp& network = decoder_.network;
  const int last = network.layers() - 1;
  parallel_for(points.rows, block, [&](int64_t begin, int64_t end, int worker) {
    const MatrixView hidden = last_hidden(points.slice(begin, end - begin), worker);
    linear(hidden, network.weight(last), network.bias(last), features.slice(begin, end - begin));
    linear(hidden, last_.weight, last_.bias, logits.slice(begin, end - begin));
  });
}

std::vector<Verdict> PlaneClassifier::judge(MatrixView points) {
  const int64_t classes = subject_.class_count();
  if (!composed()) {
    Matrix features(points.rows, decoder_.output_dim()), out(points.rows, classes);
    decoder_.apply(points, features.mut());
    subject_.head(features, out.mut());
    return dvi::judge(out.view());
  }
  std::vector<Verdict> verdicts(static_cast<size_t>(points.rows));
  const auto judge_some = [&](int64_t begin, int64_t end, int worker) {
    Matrix& out = workspaces_[static_cast<size_t>(worker)].logits;
    if (out.rows() == 0) out = Matrix(block, classes);
    logits(points.slice(begin, end - begin), out.mut().slice(0, end - begin), worker);
    for (int64_t i = begin; i < end; ++i)
      verdicts[static_cast<size_t>(i)] =
          dvi::judge(std::span<const float>(out.row(i - begin), static_cast<size_t>(classes)));
  };
  shared_for(points.rows, block, judge_some, {shared_rows(verdicts)});
  return verdicts;
}

std::vector<Verdict> PlaneClassifier::judge_each(MatrixView points) {
  const int64_t classes = subject_.class_count();
  std::vector<Verdict> verdicts(static_cast<size_t>(points.rows));
  const auto judge_row = [&](int64_t i, const Matrix& logits) {
    verdicts[static_cast<size_t>(i)] =
        dvi::judge(std::span<const float>(logits.row(0), static_cast<size_t>(classes)));
  };
  if (!composed()) {
    Matrix features(1, decoder_.output_dim()), out(1, classes);
    for (int64_t i = 0; i < points.rows; ++i) {
      decoder_.apply(points.slice(i, 1), features.mut());
      subject_.head(features, out.mut());
      judge_row(i, out);
    }
    return verdicts;
  }
  const auto judge_some = [&](int64_t begin, int64_t end, int worker) {
    Matrix out(1, classes);
    for (int64_t i = begin; i < end; ++i) {
      logits(points.slice(i, 1), out.mut(), worker);
      judge_row(i, out);
    }
  };
  shared_for(points.rows, 64, judge_some, {shared_rows(verdicts)});
  return verdicts;
}

Landscape PlaneClassifier::paint(const Extent& extent, int size) {
  if (composed())
    return dvi::paint(
        [this](MatrixView points, MutMatrixView out, int worker) { logits(points, out, worker); },
        subject_.class_count(), extent, size);
  return dvi::paint(
      [this](MatrixView points, MutMatrixView features, int worker) {
        const auto decoded =
            decoder_.forward(points, workspaces_[static_cast<size_t>(worker)].trace, best_precision());
        std::copy_n(decoded.data, decoded.rows * decoded.cols, features.data);
      },
      subject_, extent, size);
}

}  // namespace dvi
