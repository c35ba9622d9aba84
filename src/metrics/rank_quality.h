// Trustworthiness and continuity (Venna & Kaski, 2001).
#pragma once

#include <cstdint>
#include <span>

#include "core/matrix.h"
#include "graph/neighbors.h"

namespace dvi {

struct RankQuality {
  double trustworthiness = 0, continuity = 0;
};

/// `neighbors` and `plane_neighbors` have a row for each of `queries`, their first k are used. With n
/// references (the query is one of them) and q queries
///
///   trustworthiness = 1 - 2 / (q k (2n - 3k - 1)) * sum over queries, over plane neighbours j that are no
///   feature
///                     neighbours, of (rank of j among all references by distance in feature space - k),
///
/// and continuity the same with the spaces exchanged. Ranks are exact: counted over all references in
/// float32, and in float64 where float32 cannot tell; ties by id. Needs 2n > 3k + 1.
RankQuality rank_quality(MatrixView features, MatrixView positions, std::span<const int32_t> queries,
                         std::span<const int32_t> references, const Neighbors& neighbors,
                         const Neighbors& plane_neighbors, int k);

}  // namespace dvi
