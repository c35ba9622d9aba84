// The nearest references of a group of queries: sought in the cells nearest to the group, then proved, or
// corrected, by bounds (see neighbor_index.h, steps 1 to 3).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "graph/cells.h"
#include "graph/neighbors.h"
#include "graph/selection.h"

namespace dvi {

/// Queries [begin, end) in the order of cells, answered together.
struct QueryGroup {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// What a thread needs for a group; `hits` is what it found, k of each query.
struct SearchWork {
  AlignedVector<int32_t> products;
  AlignedVector<uint8_t> codes;
  std::vector<int32_t> selected;
  Matrix points, squared;
  std::vector<float> norms;
  std::vector<CandidateList> lists;
  std::vector<std::vector<int32_t>> found;
  std::vector<std::vector<Hit>> hits;
};

/// Answers queries [n, D] among references [m, D] whose cells are `cells`; all three must outlive it. For one
/// group: open(), then probe() or load(), then prove() where the answer must be exact, then store().
class CellSearch {
 public:
  /// `same`: the queries are the references, and none is its own neighbour. Throws Error if there are fewer
  /// than k.
  CellSearch(const Cells& cells, MatrixView references, MatrixView queries, int k, bool same);

  int k() const { return k_; }
  std::vector<QueryGroup> groups() const;
  /// Room for the answers to the groups of this rank, which only the functions below know the order of.
  Neighbors begin_answers(std::span<const QueryGroup> groups);
  /// Calls each(group, w), which stores, for the groups of this rank.
  static void answer(std::span<const QueryGroup> groups, std::span<SearchWork> work,
                     const std::function<void(QueryGroup, SearchWork&)>& each);
  /// Whether the query at this position in the order of cells is among them.
  bool answered_here(int64_t position) const { return rows_[static_cast<size_t>(position)] >= 0; }
  /// The answers of all ranks, as they are wanted, in the order of the queries.
  Neighbors delivered(Neighbors answers, std::span<const QueryGroup> groups, Queries wanted) const;

  void open(QueryGroup group, SearchWork& w) const;
  /// Hits: the k nearest found in the `probes` nearest cells, measuring at most `kept` of each piece of them.
  void probe(QueryGroup group, int probes, int kept, SearchWork& w) const;
  /// Puts what is nearer than the hits, k for each query, in their place: they become the true ones.
  void prove(QueryGroup group, SearchWork& w) const;
  void store(QueryGroup group, const SearchWork& w, Neighbors& answers) const;
  /// Hits as stored, measured again: a square root rounds.
  void load(QueryGroup group, const Neighbors& stored, SearchWork& w) const;

 private:
  const CellOrder& order() const { return same_ ? cells_.order : own_; }
  Neighbors in_order_of_queries(Neighbors answers) const;
  Neighbors all(const Neighbors& answers, std::span<const QueryGroup> groups) const;
  Neighbors owned(Neighbors answers, std::span<const QueryGroup> groups) const;
  Hit measure(int64_t query, int32_t position) const;
  void measure_candidates(QueryGroup group, int kept, SearchWork& w) const;
  bool improve(int64_t query, std::span<const int32_t> candidates, std::vector<Hit>& hits) const;
  template <typename Limit, typename Visit>
  void compare(QueryGroup group, int64_t begin, int64_t width, SearchWork& w, const Limit& limit,
               const Visit& visit) const;

  const Cells& cells_;
  MatrixView references_, queries_;
  int k_;
  bool same_;
  int64_t tile_width_;
  CellOrder own_;  // of the queries, where they are not the references
  // Of this rank's answers, which are in the order of its groups, by position; -1: another rank's.
  std::vector<int32_t> rows_;
};

}  // namespace dvi
