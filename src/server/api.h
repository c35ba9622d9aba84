// The HTTP API (docs/reference/http-api.md), one file for each kind of question.
#pragma once

#include "server/metrics_worker.h"
#include "server/response_cache.h"
#include "server/router.h"
#include "server/served_runs.h"

namespace dvi {

/// What the answers are made from. All functions below add routes that refer to it, so it must outlive the
/// router.
struct ApiState {
  ServedRuns& runs;
  MetricsWorker& metrics;
  ResponseCache cache{256 << 20};
};

/// api_run.cpp: runs, labels, columns, training sets.
void add_run_routes(Router&, ApiState&);
/// api_view.cpp: a view, its events, trails, comparisons.
void add_view_routes(Router&, ApiState&);
/// api_epoch.cpp: the arrays of a fitted epoch.
void add_epoch_routes(Router&, ApiState&);
/// api_sample.cpp: sample cards, neighbours, points of the plane.
void add_sample_routes(Router&, ApiState&);
/// api_images.cpp: images and thumbnails.
void add_image_routes(Router&, ApiState&);
/// api_selections.cpp: named selections.
void add_selection_routes(Router&, ApiState&);
/// api_query.cpp: conditions and suspects.
void add_query_routes(Router&, ApiState&);

/// The run, view and epoch that a path names; HttpError (404) if there is none, 503 where it cannot be read
/// at the moment. The run lives until the call is answered, whatever takes its place on disk.
ServedRun& run_of(ApiState&, const Call&);
std::shared_ptr<ServedRun> run_at(ApiState&, size_t id);
std::shared_ptr<const ServedView> view_of(ServedRun&, const std::string& name);
std::shared_ptr<const ServedView> view_of(ServedRun&, const Call&);
std::shared_ptr<const ViewEpoch> epoch_of(const ServedView&, int64_t number);

/// What identifies the content of an epoch's answers: changes with the view's key and when the epoch is
/// fitted anew.
std::string epoch_identity(const ServedRun&, const ServedView&, const ViewEpoch&);
/// Immutable if the request's "v" is the view's key, else to be checked.
Caching caching_for(const Call&, const ServedView&);
/// x of the plane as 16 bits over [low, high], which is the whole range; values outside are clamped.
uint16_t quantise(double x, double low, double high);

}  // namespace dvi
