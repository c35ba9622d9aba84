// The subject model: the classifier that is looked at. forward(x) = head(features(x)).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/matrix.h"
#include "run/run.h"

namespace dvi {

/// logits = features * weight^T + bias.
struct LinearHead {
  Matrix weight;            ///< [C, D]
  std::vector<float> bias;  ///< [C]
};

/// All matrices are row-major, one sample a row. Methods may be called from one thread at a time; they use
/// all threads inside.
class SubjectModel {
 public:
  virtual ~SubjectModel() = default;
  virtual int64_t feature_dim() const = 0;
  virtual int64_t class_count() const = 0;

  /// Whether features() can be called: a recorded model, not arrays alone.
  virtual bool has_features() const = 0;
  /// `inputs` [n, product of sample_shape] as the model sees them (InputReader::gather) -> `out` [n, D].
  /// Batched inside.
  virtual void features(MatrixView inputs, std::span<const int64_t> sample_shape, MutMatrixView out) = 0;
  /// `features` [n, D] -> `logits` [n, C].
  virtual void head(MatrixView features, MutMatrixView logits) = 0;
  /// Vector-Jacobian product of the head at `features` [n, D]: `cotangent` [n, C] -> `out` [n, D] =
  /// cotangent^T * d logits / d features.
  virtual void head_vjp(MatrixView features, MatrixView cotangent, MutMatrixView out) = 0;
  /// The head's weight and bias if it is exactly linear (fast paths exist for it), else nullptr.
  virtual const LinearHead* linear_head() const = 0;
};

/// The linear head of arrays; features() is not available.
std::unique_ptr<SubjectModel> make_linear_subject(LinearHead head);

/// How a TorchScript model is run.
enum class ModelPlace {
  threads,  ///< batches side by side on the processor's threads
  device,   ///< one batch after another where LibTorch computes: on a CUDA device if it finds one
};

/// The subject model of an epoch, as run.json says: subject.pt through LibTorch, or head_weight.npy and
/// head_bias.npy. A run that says torchscript but is opened without the plugin dvi_torch falls back to the
/// arrays where they are recorded, and else throws Error saying so.
std::unique_ptr<SubjectModel> open_subject(const Run& run, const Epoch& epoch,
                                           ModelPlace = ModelPlace::threads);

/// Logits of all samples: recorded ones, or computed from `features` with the head, by the ranks of the job
/// together. [N, C], finite (checked).
RecordedRows epoch_logits(const Epoch& epoch, MatrixView features, SubjectModel& subject);

}  // namespace dvi
