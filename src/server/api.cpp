#include "server/api.h"

#include <algorithm>
#include <cmath>

namespace dvi {

ServedRun& run_of(ApiState& state, const Call& call) {
  const int64_t id = call.place_number("run");
  if (id < 0 || id >= static_cast<int64_t>(state.runs.size()))
    throw HttpError(
        404, fmt::format("there is no run {} here; this server has runs 0 to {}", id, state.runs.size() - 1));
  auto run = run_at(state, static_cast<size_t>(id));
  call.keep(run);
  return *run;
}

std::shared_ptr<ServedRun> run_at(ApiState& state, size_t id) {
  try {
    return state.runs.at(id);
  } catch (const Error& error) {
    const bool gone = !std::filesystem::exists(state.runs.folder(id) / "run.json");
    throw HttpError(gone ? 404 : 503, error.what());
  }
}

std::shared_ptr<const ServedView> view_of(ServedRun& run, const std::string& name) {
  const auto names = run.run().view_names();
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw HttpError(404, names.empty() ? "this run has no fitted view yet; run 'dvi fit " +
                                             run.run().folder().string() + "'"
                                       : "this run has no view of that name");
  return run.view(name);
}

std::shared_ptr<const ServedView> view_of(ServedRun& run, const Call& call) {
  return view_of(run, call.place("view"));
}

std::shared_ptr<const ViewEpoch> epoch_of(const ServedView& served, int64_t number) {
  if (number < 0 || number > 999999 || !served.view.has_epoch(static_cast<int>(number)))
    throw HttpError(404, fmt::format("epoch {} is not fitted in this view", number));
  return served.view.epoch(static_cast<int>(number));
}

std::string epoch_identity(const ServedRun& run, const ServedView& served, const ViewEpoch& epoch) {
  return fmt::format("{}/{}/{}/{}/{}", run.id(), served.view.name(), served.view.key(), epoch.number(),
                     epoch.version());
}

Caching caching_for(const Call& call, const ServedView& served) {
  return call.query("v") == served.view.key() ? Caching::immutable : Caching::check;
}

uint16_t quantise(double x, double low, double high) {
  const double share = (x - low) / (high - low);
  return static_cast<uint16_t>(std::lround(std::clamp(share, 0.0, 1.0) * 65535));
}

}  // namespace dvi
