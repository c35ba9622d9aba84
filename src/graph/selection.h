// Keeping the smallest of many: candidates by code distance, hits by true distance.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace dvi {

/// A reference and its true distance to a query.
struct Hit {
  float squared;
  int32_t index;
  bool operator<(const Hit& o) const { return squared != o.squared ? squared < o.squared : index < o.index; }
};

/// Puts a hit among the k smallest, which are in order.
void insert(std::vector<Hit>& hits, int k, Hit hit);

struct Candidate {
  int32_t position;  // among the references in order of cells
  int32_t squared;   // code distance, in grid steps
  /// By distance, then by position: one comparison of whole numbers, where bytes lie so.
  bool operator<(const Candidate& o) const {
    if constexpr (std::endian::native == std::endian::little)
      return std::bit_cast<int64_t>(*this) < std::bit_cast<int64_t>(o);
    return squared != o.squared ? squared < o.squared : position < o.position;
  }
};

/// The `kept` smallest candidates offered, gathered in a buffer of twice the size.
class CandidateList {
 public:
  void clear(int kept, int32_t limit = std::numeric_limits<int32_t>::max());
  /// Only smaller distances are worth a push.
  int32_t limit() const { return limit_; }
  void push(Candidate c) {
    items_.push_back(c);
    if (items_.size() == 2 * kept_) shrink();
  }
  /// The smallest `kept`, ascending.
  std::span<const Candidate> sorted();

 private:
  void shrink();

  size_t kept_ = 0;
  int32_t limit_ = 0;
  std::vector<Candidate> items_;
};

/// Writes the positions j < width with norm[j] - 2 * product[j] < limit to `out` (room for 16 more) and
/// returns how many. By the widest instructions of the processor.
int64_t select_below(const int32_t* product, const int32_t* norm, int64_t width, int32_t limit, int32_t* out);
/// The same in plain C++, for tests and other processors.
int64_t select_below_portable(const int32_t* product, const int32_t* norm, int64_t width, int32_t limit,
                              int32_t* out);

}  // namespace dvi
