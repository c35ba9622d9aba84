#include "server/api_sessions.h"

#include "image/png.h"
#include "server/api_project.h"

namespace dvi {
namespace {

std::string name_in(const Call& call) {
  const std::string& name = call.place("session");
  if (!is_plain_name(name) || name.size() > 100)
    throw HttpError(400,
                    "expected a session's name of at most 100 characters that does not begin with a dot");
  return name;
}

HttpResponse version_response(uint64_t version) { return json_response({{"version", version}}); }

HttpResponse state_response(const SessionState& state) {
  Json samples = Json::array();
  for (const SharedSamples& shared : state.samples)
    samples.push_back({{"id", shared.id},
                       {"count", shared.samples->size()},
                       {"inputs", shared.samples->kind == SampleKind::inputs},
                       {"thrown_away", shared.thrown_away}});
  return json_response({{"version", state.version}, {"selection", state.selection}, {"samples", samples}});
}

/// As for "project"; of features with "epoch", the one whose model made them.
HttpResponse add(Sessions& sessions, ServedRun& run, const Call& call) {
  const Json body = call.json();
  const Json epoch = body.value("epoch", Json());
  const bool numbered = epoch.is_number_unsigned() && epoch <= 999999;
  try {
    NewSamples samples = samples_in(run, body);
    if ((samples.kind == SampleKind::features) != numbered)
      throw HttpError(400, "expected \"epoch\" of features, and of nothing else, to tell whose they are");
    return version_response(sessions.add(call.place_number("run"), name_in(call), std::move(samples),
                                         numbered ? std::optional(epoch.get<int>()) : std::nullopt));
  } catch (const HttpError&) {
    throw;
  } catch (const Error& error) {  // what was sent does not suit the run: the sender's to mend
    throw HttpError(400, error.what());
  }
}

HttpResponse picture(const Sessions& sessions, ServedRun& run, const Call& call) {
  const auto shared = sessions.samples(call.place_number("run"), name_in(call),
                                       static_cast<uint64_t>(call.place_number("samples")));
  const NewSamples& samples = *shared.samples;
  const int64_t row = call.place_number("row");
  if (samples.kind != SampleKind::inputs || row < 0 || row >= samples.size())
    throw HttpError(404, "the session does not hold such an input");
  auto pixels = run.inputs()->pixels({samples.values.row(row), static_cast<size_t>(samples.values.cols())});
  HttpResponse response =
      binary_response(encode_png({pixels.width, pixels.height, pixels.channels, std::move(pixels.values)}));
  response.content_type = "image/png";
  return response;
}

}  // namespace

void add_session_routes(Router& router, ApiState& state, Sessions& sessions) {
  const std::string path = "/api/runs/:run/sessions/:session";
  router.add("GET", path, [&](const Call& call) {
    run_of(state, call);
    return state_response(sessions.state(call.place_number("run"), name_in(call)));
  });
  router.add("POST", path + "/selection", [&](const Call& call) {
    const ServedRun& run = run_of(state, call);
    auto ids = ids_of(call.json(), "ids", run.run().manifest().sample_count());
    return version_response(sessions.select(call.place_number("run"), name_in(call), std::move(ids)));
  });
  router.add("POST", path + "/samples",
             [&](const Call& call) { return add(sessions, run_of(state, call), call); });
  router.add("DELETE", path + "/samples", [&](const Call& call) {
    run_of(state, call);
    return version_response(sessions.throw_all_away(call.place_number("run"), name_in(call)));
  });
  router.add("DELETE", path + "/samples/:samples/:row", [&](const Call& call) {
    run_of(state, call);
    return version_response(sessions.throw_away(call.place_number("run"), name_in(call),
                                                static_cast<uint64_t>(call.place_number("samples")),
                                                call.place_number("row")));
  });
  router.add("GET", path + "/samples/:samples/:row.png",
             [&](const Call& call) { return picture(sessions, run_of(state, call), call); });
}

}  // namespace dvi
