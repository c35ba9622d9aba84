// What all detectors read: the fitted epochs of a view, who was trained on and who was held out.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "run/epoch_names.h"
#include "run/run.h"
#include "run/view.h"

namespace dvi {

class RunHistory {
 public:
  /// Looks at the fitted epochs up to `until`. `run` and `view` must outlive it.
  RunHistory(const Run& run, const View& view, int until);

  const Run& run() const { return run_; }
  const View& view() const { return view_; }
  size_t size() const { return epochs_.size(); }
  int number(size_t e) const { return epochs_[e]->number(); }
  /// What the user calls the epoch of this number.
  std::string called(int number) const { return epoch_name(run_.epoch(number)); }
  const ViewEpoch& epoch(size_t e) const { return *epochs_[e]; }
  int classes() const { return run_.manifest().class_count(); }
  const std::string& name(int32_t c) const { return run_.manifest().classes[static_cast<size_t>(c)]; }
  int32_t label(int32_t id) const { return run_.labels()[static_cast<size_t>(id)]; }
  int32_t prediction(size_t e, int32_t id) const {
    return epochs_[e]->predictions()[static_cast<size_t>(id)];
  }
  bool right(size_t e, int32_t id) const { return prediction(e, id) == label(id); }

  /// Labelled samples of role train, and of role test.
  const std::vector<int32_t>& train() const { return train_; }
  const std::vector<int32_t>& held_out() const { return held_out_; }
  /// held_out(), or where there is none, train().
  const std::vector<int32_t>& judged() const { return held_out_.empty() ? train_ : held_out_; }
  /// Share of `ids` that are predicted as labelled.
  double accuracy(size_t e, std::span<const int32_t> ids) const;
  /// Of `ids`, those that turned from right to wrong between e - 1 and e, and the reverse.
  std::vector<int32_t> turned(size_t e, std::span<const int32_t> ids, bool to_right) const;

  /// Whether the sample's label is contradicted by its neighbours in feature space: more of those with role
  /// train carry one same other label than its own.
  bool contradicted(size_t e, int32_t id) const;

 private:
  const Run& run_;
  const View& view_;
  std::vector<std::shared_ptr<const ViewEpoch>> epochs_;
  std::vector<int32_t> train_, held_out_;
  std::vector<bool> is_train_;
};

}  // namespace dvi
