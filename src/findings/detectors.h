// One detector a file; each returns what it finds in the epochs of a history, in any order and with `score`
// as the size of the effect from 0 to 1, which find_in_run weighs by kind.
#pragma once

#include <vector>

#include "findings/findings.h"
#include "findings/history.h"

namespace dvi {

/// wrong_labels.cpp: label_noise, memorisation.
std::vector<Finding> find_wrong_labels(const RunHistory&);
/// overfitting.cpp: overfitting.
std::vector<Finding> find_overfitting(const RunHistory&);
/// turns.cpp: forgetting, trade_off.
std::vector<Finding> find_turns(const RunHistory&);
/// class_findings.cpp: confusion, late_class, territory_shift.
std::vector<Finding> find_class_findings(const RunHistory&);
/// unstable.cpp: unstable.
std::vector<Finding> find_unstable(const RunHistory&);
/// moved_boundary.cpp: moved_boundary.
std::vector<Finding> find_moved_boundaries(const RunHistory&);
/// geometry.cpp: collapse, outlier.
std::vector<Finding> find_geometry(const RunHistory&);
/// duplicates.cpp: label_conflict.
std::vector<Finding> find_label_conflicts(const RunHistory&);

/// The classes that occur most among the labels of `ids`, most frequent first, at most `most`.
std::vector<int32_t> frequent_labels(const RunHistory&, std::span<const int32_t> ids, size_t most);
/// "1 sample", "12 samples".
std::string counted(size_t count, const char* what);
/// "Shirt, Coat or Pullover".
std::string class_list(const RunHistory&, std::span<const int32_t> classes);

}  // namespace dvi
