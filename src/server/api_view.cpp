#include <algorithm>
#include <cstring>

#include "server/api.h"

namespace dvi {
namespace {

constexpr int last_epoch = 999999;

template <typename T>
void append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

Json metrics_of(const ServedView& served) {
  Json all = Json::array();
  for (const int number : served.view.epoch_numbers()) {
    Json metrics;
    try {
      metrics = served.view.epoch(number)->metrics();
    } catch (const Error& error) {
      metrics = {{"error", error.what()}};  // the other epochs are still to be shown
    }
    if (!metrics.is_object()) metrics = Json::object();
    metrics["epoch"] = number;
    all.push_back(std::move(metrics));
  }
  return all;
}

Json event_counts(const ServedView& served) {
  std::map<int32_t, std::array<int64_t, event_kind_count>> counts;
  for (const int number : served.view.epoch_numbers()) counts[number] = {};
  for (const Event& event : served.events)
    if (event.kind >= 0 && event.kind < event_kind_count)
      ++counts[event.epoch][static_cast<size_t>(event.kind)];
  Json kinds = Json::array(), by_epoch = Json::object();
  for (int32_t kind = 0; kind < event_kind_count; ++kind) kinds.push_back(event_kind_name(kind));
  for (const auto& [epoch, numbers] : counts) by_epoch[std::to_string(epoch)] = numbers;
  return {{"kinds", kinds}, {"counts", by_epoch}};
}

HttpResponse describe_view(ApiState& state, const Call& call) {
  ServedRun& run = run_of(state, call);
  const auto shared = view_of(run, call);
  const ServedView& served = *shared;
  const View& view = served.view;
  Json json = view.json();
  json["key"] = view.key();
  const auto frame = served.frame();
  json["frame"] = frame ? to_json(*frame) : json["extent"];
  json["epochs"] = view.epoch_numbers();
  const auto& numbers = view.epoch_numbers();
  json["moved"] = std::any_of(numbers.begin(), numbers.end(),
                              [&](int number) { return !view.epoch(number)->moved().empty(); });
  json["pending"] = Json::array();
  if (view.state() != "done")
    for (const int number : run.run().epoch_numbers())
      if (!view.has_epoch(number)) json["pending"].push_back(number);
  json["metrics"] = metrics_of(served);
  json["run_metrics"] = state.metrics.get(run, shared);
  json["events"] = event_counts(served);
  return json_response(json);
}

HttpResponse trails(const ServedRun& run, const ServedView& served, const Call& call) {
  const auto ids = call.ids("ids", run.run().manifest().sample_count(), 5000);
  const auto& extent = served.view.extent();
  const auto& numbers = served.view.epoch_numbers();
  const auto epochs = static_cast<int32_t>(numbers.size());
  std::vector<uint16_t> places(ids.size() * numbers.size() * 2);
  for (size_t e = 0; e < numbers.size(); ++e) {
    const auto epoch = served.view.epoch(numbers[e]);
    const auto positions = epoch->positions();
    for (size_t i = 0; i < ids.size(); ++i)
      for (size_t axis = 0; axis < 2; ++axis)
        places[(i * numbers.size() + e) * 2 + axis] =
            quantise(positions[static_cast<size_t>(ids[i]) * 2 + axis], extent[axis], extent[axis + 2]);
  }
  std::string bytes;
  append(bytes, epochs);
  bytes.append(reinterpret_cast<const char*>(places.data()), places.size() * sizeof(uint16_t));
  return binary_response(std::move(bytes));
}

HttpResponse events(const ServedView& served, const Call& call) {
  const int64_t from = call.number("from", 0, last_epoch, 0),
                to = call.number("to", 0, last_epoch, last_epoch);
  std::array<bool, event_kind_count> wanted;
  wanted.fill(!call.query("kinds"));
  for (const int32_t kind : call.ids("kinds", event_kind_count, event_kind_count))
    wanted[static_cast<size_t>(kind)] = true;
  constexpr int64_t most = 10000;
  int64_t count = 0;
  Json rows = Json::array();
  for (const Event& e : served.events) {
    if (e.epoch < from || e.epoch > to || e.kind < 0 || e.kind >= event_kind_count) continue;
    if (!wanted[static_cast<size_t>(e.kind)]) continue;
    if (count++ < most) rows.push_back({e.sample, e.epoch, e.kind, e.from, e.to, e.value});
  }
  return json_response({{"count", count}, {"events", std::move(rows)}});
}

HttpResponse compare(ApiState& state, ServedRun& run, const Call& call) {
  const auto served = view_of(run, call);
  ServedRun* other = &run;
  std::shared_ptr<ServedRun> other_run;
  std::shared_ptr<const ServedView> other_view = served;
  if (call.query("run")) {
    other_run = run_at(
        state, static_cast<size_t>(call.number("run", 0, static_cast<int64_t>(state.runs.size()) - 1)));
    other = other_run.get();
    other_view = view_of(*other, call.query("view").value_or(default_view_name(other->run())));
  } else if (const auto name = call.query("view")) {
    other_view = view_of(run, *name);
  }
  const auto a = epoch_of(*served, call.number("a", 0, last_epoch));
  const auto b = epoch_of(*other_view, call.number("b", 0, last_epoch));
  if (a->predictions().size() != b->predictions().size() ||
      run.run().manifest().classes != other->run().manifest().classes)
    throw HttpError(
        409,
        "the two runs do not have the same samples and classes, so their predictions cannot be compared");
  std::vector<int32_t> ids, from, to;
  for (size_t i = 0; i < a->predictions().size(); ++i) {
    if (a->predictions()[i] == b->predictions()[i]) continue;
    ids.push_back(static_cast<int32_t>(i));
    from.push_back(a->predictions()[i]);
    to.push_back(b->predictions()[i]);
  }
  return json_response({{"count", ids.size()}, {"ids", ids}, {"from", from}, {"to", to}});
}

}  // namespace

void add_view_routes(Router& router, ApiState& state) {
  const auto with_view = [&](auto answer) {
    return [&state, answer](const Call& call) {
      ServedRun& run = run_of(state, call);
      return answer(run, *view_of(run, call), call);
    };
  };
  router.add("GET", "/api/runs/:run/views/:view",
             [&](const Call& call) { return describe_view(state, call); });
  router.add("GET", "/api/runs/:run/views/:view/trails",
             with_view([](ServedRun& run, const ServedView& view, const Call& call) {
               return trails(run, view, call);
             }));
  router.add(
      "GET", "/api/runs/:run/views/:view/events",
      with_view([](ServedRun&, const ServedView& view, const Call& call) { return events(view, call); }));
  router.add("GET", "/api/runs/:run/views/:view/compare",
             [&](const Call& call) { return compare(state, run_of(state, call), call); });
}

}  // namespace dvi
