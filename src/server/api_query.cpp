#include "query/query.h"

#include "server/api.h"

namespace dvi {
namespace {

/// What a condition gets wrong is the asker's to mend.
template <typename Ask>
auto asked(Ask ask) {
  try {
    return ask();
  } catch (const Error& error) {
    throw HttpError(400, error.what());
  }
}

HttpResponse query(const ServedView& served, const Call& call) {
  const Json body = call.json();
  const auto where = body.find("where");
  if (where == body.end() || !where->is_string())
    throw HttpError(400, "expected \"where\" to be a condition, a text");
  const auto condition = where->get<std::string>();
  constexpr double seconds = 10;
  if (body.value("epochs", Json()) == "each") {
    Json epochs = Json::array();
    for (auto& matches :
         asked([&] { return find_samples_each(served.table(), condition, seconds, call.request().stop); }))
      epochs.push_back({{"epoch", matches.epoch}, {"ids", std::move(matches.ids)}});
    return json_response({{"epochs", std::move(epochs)}});
  }
  std::optional<int> epoch;
  if (const Json at = body.value("epoch", Json()); !at.is_null()) {
    if (!at.is_number_integer() || at < 0 || at > 999999)
      throw HttpError(400, "expected \"epoch\" to be a fitted epoch");
    epoch = at.get<int>();
  }
  QueryResult result =
      asked([&] { return find_samples(served.table(), condition, epoch, seconds, call.request().stop); });
  return json_response({{"epoch", result.epoch},
                        {"count", result.ids.size()},
                        {"seconds", result.seconds},
                        {"ids", std::move(result.ids)}});
}

HttpResponse ranked(const ServedView& served, size_t limit, std::span<const int32_t> accepted,
                    std::span<const int32_t> rejected) {
  if (served.view.epoch_numbers().empty())
    throw HttpError(404, "no epoch is fitted yet; suspects show once one is");
  const SuspectRanking& ranking = served.suspects();
  Json suspects = Json::array();
  for (const Suspect& s : ranking.top(limit, accepted, rejected))
    suspects.push_back({{"id", s.id},
                        {"score", s.score},
                        {"kind", s.kind},
                        {"reason", s.reason},
                        {"scores",
                         {{"area_under_margin", s.area_under_margin},
                          {"forgetting_events", s.forgetting_events},
                          {"confidence", s.confidence},
                          {"variability", s.variability},
                          {"neighbor_disagreement", s.neighbor_disagreement}}}});
  return json_response({{"suspects", std::move(suspects)}, {"method", ranking.method()}});
}

constexpr int64_t most_suspects = 1000, usual_suspects = 100;

HttpResponse rank_again(const ServedRun& run, const ServedView& served, const Call& call) {
  const Json body = call.json();
  const int64_t samples = run.run().manifest().sample_count();
  return ranked(served, usual_suspects, ids_of(body, "accepted", samples), ids_of(body, "rejected", samples));
}

HttpResponse vocabulary(ServedRun& run) {
  const auto names = run.run().view_names();
  if (names.empty()) throw HttpError(404, "this run has no fitted view yet, so there is nothing to ask");
  static constexpr const char* types[] = {"integer", "real", "text"};
  Json columns = Json::array();
  for (const ColumnInfo& column : query_vocabulary(run.view(default_view_name(run.run()))->table()))
    columns.push_back(
        {{"name", column.name}, {"type", types[static_cast<int>(column.type)]}, {"meaning", column.meaning}});
  return json_response({{"columns", columns}});
}

}  // namespace

void add_query_routes(Router& router, ApiState& state) {
  router.add("POST", "/api/runs/:run/views/:view/query",
             [&](const Call& call) { return query(*view_of(run_of(state, call), call), call); });
  router.add("GET", "/api/runs/:run/views/:view/suspects", [&](const Call& call) {
    const auto limit = static_cast<size_t>(call.number("limit", 1, most_suspects, usual_suspects));
    return ranked(*view_of(run_of(state, call), call), limit, {}, {});
  });
  router.add("POST", "/api/runs/:run/views/:view/suspects", [&](const Call& call) {
    ServedRun& run = run_of(state, call);
    return rank_again(run, *view_of(run, call), call);
  });
  router.add("GET", "/api/runs/:run/query_columns",
             [&](const Call& call) { return vocabulary(run_of(state, call)); });
}

}  // namespace dvi
