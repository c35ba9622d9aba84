#include "server/api_causes.h"

#include "causes/causes.h"
#include "findings/findings.h"

namespace dvi {
namespace {

constexpr int64_t last_epoch = 999999, usual_limit = 20, most_limit = 1000;
constexpr size_t most_together = 5000;

/// What a request asks for and cannot have is the asker's to mend.
template <typename Ask>
auto asked(Ask ask) {
  try {
    return ask();
  } catch (const Error& error) {
    throw HttpError(400, error.what());
  }
}

/// What was found out, by run and view; thread-safe.
class Kept {
 public:
  std::shared_ptr<const Causes> causes(const ServedRun& run) {
    const auto epochs = run.run().epoch_numbers();
    const std::lock_guard lock(mutex_);
    auto& kept = causes_[run.id()];
    if (!kept || kept->epochs() != epochs) kept = std::make_shared<const Causes>(run.run());
    return kept;
  }
  Json findings(const ServedRun& run, const ServedView& served) {
    const View& view = served.view;
    if (view.epoch_numbers().empty())
      throw HttpError(404, "no epoch is fitted yet; findings show once one is");
    const std::lock_guard lock(mutex_);
    auto& [of, json] = findings_[{run.id(), view.name()}];
    const std::string now = fmt::format("{} {}", view.key(), view.epoch_numbers().size());
    if (of != now) {
      json = to_json(find_in_run(run.run(), view));
      of = now;
    }
    return json;
  }

 private:
  std::mutex mutex_;
  std::map<int, std::shared_ptr<const Causes>> causes_;
  std::map<std::pair<int, std::string>, std::pair<std::string, Json>> findings_;
};

std::optional<int> epoch_in(const Call& call, const char* name) {
  if (!call.query(name)) return std::nullopt;
  return static_cast<int>(call.number(name, 0, last_epoch));
}

HttpResponse why(Kept& kept, const ServedRun& run, const Call& call) {
  const auto id = static_cast<int32_t>(call.number("id", 0, run.run().manifest().sample_count() - 1));
  const auto limit = static_cast<size_t>(call.number("limit", 1, most_limit, usual_limit));
  return asked([&] {
    const auto causes = kept.causes(run);
    const Change change = causes->change_of(id, epoch_in(call, "from"), epoch_in(call, "to"));
    return json_response(to_json(causes->explain(change, limit)));
  });
}

/// {"ids": [...], "from": A, "to": B}
struct ChangesAsked {
  std::vector<int32_t> ids;
  int from = 0, to = 0;

  ChangesAsked(const ServedRun& run, const Call& call) {
    const Json body = call.json();
    ids = ids_of(body, "ids", run.run().manifest().sample_count());
    if (ids.empty() || ids.size() > most_together)
      throw HttpError(400, fmt::format("expected \"ids\" to name from 1 to {} samples, found {}",
                                       most_together, ids.size()));
    const auto epoch = [&](const char* name) {
      const Json value = body.value(name, Json());
      if (!value.is_number_integer() || value < 0 || value > last_epoch)
        throw HttpError(400, fmt::format("expected \"{}\" to be a recorded epoch", name));
      return value.get<int>();
    };
    from = epoch("from");
    to = epoch("to");
  }
};

/// What those that changed have in common.
HttpResponse why_together(Kept& kept, const ServedRun& run, const Call& call) {
  const ChangesAsked asks(run, call);
  return asked([&] {
    return json_response(to_json(kept.causes(run)->common(asks.ids, asks.from, asks.to, usual_limit)));
  });
}

/// int32: how many of them changed; float32 [N]: each sample's mean share of the pushes on those.
HttpResponse influence(Kept& kept, const ServedRun& run, const Call& call) {
  const ChangesAsked asks(run, call);
  return asked([&] {
    const auto found = kept.causes(run)->mean_shares(asks.ids, asks.from, asks.to);
    const auto changed = static_cast<int32_t>(found.changed);
    std::string bytes(reinterpret_cast<const char*>(&changed), sizeof changed);
    bytes.append(reinterpret_cast<const char*>(found.shares.data()), found.shares.size() * sizeof(float));
    return binary_response(std::move(bytes));
  });
}

}  // namespace

void add_cause_routes(Router& router, ApiState& state) {
  const auto kept = std::make_shared<Kept>();
  router.add("GET", "/api/runs/:run/views/:view/findings", [&state, kept](const Call& call) {
    ServedRun& run = run_of(state, call);
    return json_response(kept->findings(run, *view_of(run, call)));
  });
  router.add("GET", "/api/runs/:run/why",
             [&state, kept](const Call& call) { return why(*kept, run_of(state, call), call); });
  router.add("POST", "/api/runs/:run/why",
             [&state, kept](const Call& call) { return why_together(*kept, run_of(state, call), call); });
  router.add("POST", "/api/runs/:run/influence",
             [&state, kept](const Call& call) { return influence(*kept, run_of(state, call), call); });
}

}  // namespace dvi
