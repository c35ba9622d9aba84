// Which points of an epoch's layout attract each other, and how strongly: the edges of both complexes,
// weighted by what the classifier knows (docs/explanation/method.md).
#pragma once

#include "fit/standard/classifier_metric.h"
#include "fit/standard/layout_points.h"
#include "fit/standard/standard_options.h"
#include "graph/edge_list.h"

namespace dvi {

/// Of the points that this rank owns (EdgeShare, vis/point_order.h). Both directions of an edge are stored.
EdgeList layout_edges(const SampleSets&, const EpochData&, const LayoutNeighbors&, const StandardOptions&);

}  // namespace dvi
