#include "boundary/mixer.h"

#include <algorithm>

#include "comm/shared_for.h"
#include "core/parallel.h"
#include "core/stopwatch.h"

namespace dvi {
namespace {

constexpr int64_t round_bytes = int64_t{256} << 20;
constexpr int64_t grain = 64;
// Mixtures that a rank of the job takes at once: as many as go through a model together
// (subject/torch_subject.cpp).
constexpr int64_t rank_grain = 128;

/// The two ends of every pair of a round, row by row.
struct Ends {
  Matrix first, second;

  void mix(std::span<const Mixture> mixtures, MutMatrixView out) const {
    parallel_for(out.rows, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        const auto [pair, weight] = mixtures[r];
        const float *a = first.row(pair), *b = second.row(pair);
        float* to = out.row(r);
        for (int64_t c = 0; c < out.cols; ++c) to[c] = weight * a[c] + (1 - weight) * b[c];
      }
    });
  }
};

std::vector<int32_t> ids_of(std::span<const SamplePair> pairs, int32_t SamplePair::*end) {
  std::vector<int32_t> ids(pairs.size());
  std::transform(pairs.begin(), pairs.end(), ids.begin(), [end](const SamplePair& p) { return p.*end; });
  return ids;
}

/// A matrix that keeps its memory between batches of different sizes.
class Buffer {
 public:
  MutMatrixView view(int64_t rows, int64_t cols) {
    if (memory_.rows() < rows || memory_.cols() != cols) memory_ = Matrix(rows, cols);
    return {memory_.data(), rows, cols};
  }

 private:
  Matrix memory_;
};

void copy_rows(MatrixView from, std::span<const int32_t> rows, MutMatrixView to) {
  for (size_t i = 0; i < rows.size(); ++i)
    std::copy_n(from.row(rows[i]), from.cols, to.row(static_cast<int64_t>(i)));
}

class InputMixer final : public Mixer {
 public:
  InputMixer(SubjectModel& subject, const InputReader& reader) : subject_(subject), reader_(reader) {}

  int64_t largest_round() const override {
    const int64_t pair_bytes = 4 * (4 * reader_.sample_size() + 2 * subject_.feature_dim());
    return std::max<int64_t>(32, round_bytes / pair_bytes);
  }
  void begin_round(std::span<const SamplePair> pairs) override {
    ends_.first = gather(ids_of(pairs, &SamplePair::first));
    ends_.second = gather(ids_of(pairs, &SamplePair::second));
  }
  void judge_mixtures(std::span<const Mixture> mixtures, MutMatrixView logits) override {
    const auto n = static_cast<int64_t>(mixtures.size());
    const RowRange own = own_range(n, rank_grain);
    const auto inputs = inputs_.view(own.size(), reader_.sample_size());
    ends_.mix(mixtures.subspan(static_cast<size_t>(own.begin), static_cast<size_t>(own.size())), inputs);
    const auto features = features_.view(n, subject_.feature_dim());
    const Stopwatch watch;
    if (own.size() > 0) {
      const MutMatrixView own_features = features.slice(own.begin, own.size());
      subject_.features(inputs, reader_.sample_shape(), own_features);
      subject_.head(own_features, logits.slice(own.begin, own.size()));
    }
    model_seconds_ += watch.seconds();
    model_passes_ += n;
    gather_shared(n, rank_grain, shared_rows(logits));
    last_features_ = features;
    last_logits_ = logits;
  }
  void take(std::span<const int32_t> rows, MutMatrixView features, MutMatrixView logits) override {
    copy_rows(last_features_, rows, features);
    copy_rows(last_logits_, rows, logits);
    if (comm().size() == 1) return;
    // Rows ascend, so those that a rank has the features of follow each other.
    std::vector<int64_t> begin{0};
    for (int rank = 0; rank < comm().size(); ++rank) {
      const int64_t end = range_of_rank(last_features_.rows, rank_grain, rank).end;
      begin.push_back((std::ranges::lower_bound(rows, end) - rows.begin()) * features.cols *
                      static_cast<int64_t>(sizeof(float)));
    }
    comm().gather(
        std::as_writable_bytes(std::span(features.data, static_cast<size_t>(features.rows * features.cols))),
        begin);
  }

 private:
  Matrix gather(const std::vector<int32_t>& ids) const {
    Matrix out(static_cast<int64_t>(ids.size()), reader_.sample_size());
    parallel_for(out.rows(), grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) reader_.read(ids[i], out.row(i));
    });
    return out;
  }

  SubjectModel& subject_;
  const InputReader& reader_;
  Ends ends_;
  Buffer inputs_, features_;
  MatrixView last_features_, last_logits_;
};

class FeatureMixer final : public Mixer {
 public:
  FeatureMixer(SubjectModel& subject, MatrixView features) : subject_(subject), features_(features) {}

  int64_t largest_round() const override {
    return std::max<int64_t>(32, round_bytes / (4 * 4 * features_.cols));
  }
  void begin_round(std::span<const SamplePair> pairs) override {
    ends_.first = gather_rows(features_, ids_of(pairs, &SamplePair::first));
    ends_.second = gather_rows(features_, ids_of(pairs, &SamplePair::second));
    if (!subject_.linear_head()) return;
    logit_ends_.first = head(ends_.first);
    logit_ends_.second = head(ends_.second);
  }
  void judge_mixtures(std::span<const Mixture> mixtures, MutMatrixView logits) override {
    last_.assign(mixtures.begin(), mixtures.end());
    if (subject_.linear_head()) {
      logit_ends_.mix(mixtures, logits);
      return;
    }
    const auto mixed = mixed_.view(static_cast<int64_t>(mixtures.size()), features_.cols);
    ends_.mix(mixtures, mixed);
    const RowRange own = own_range(mixed.rows, rank_grain);
    run_head(mixed.slice(own.begin, own.size()), logits.slice(own.begin, own.size()));
    gather_shared(mixed.rows, rank_grain, shared_rows(logits));
  }
  void take(std::span<const int32_t> rows, MutMatrixView features, MutMatrixView logits) override {
    std::vector<Mixture> mixtures(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) mixtures[i] = last_[rows[i]];
    ends_.mix(mixtures, features);
    run_head(features, logits);
  }

 private:
  Matrix head(MatrixView features) {
    Matrix logits(features.rows, subject_.class_count());
    run_head(features, logits.mut());
    return logits;
  }
  void run_head(MatrixView features, MutMatrixView logits) {
    if (features.rows == 0) return;
    const Stopwatch watch;
    subject_.head(features, logits);
    model_seconds_ += watch.seconds();
    model_passes_ += features.rows;
  }

  SubjectModel& subject_;
  MatrixView features_;
  Ends ends_, logit_ends_;
  Buffer mixed_;
  std::vector<Mixture> last_;
};

}  // namespace

std::unique_ptr<Mixer> make_input_mixer(SubjectModel& subject, const InputReader& reader) {
  return std::make_unique<InputMixer>(subject, reader);
}

std::unique_ptr<Mixer> make_feature_mixer(SubjectModel& subject, MatrixView features) {
  return std::make_unique<FeatureMixer>(subject, features);
}

}  // namespace dvi
