#include <algorithm>
#include <cmath>
#include <cstring>

#include "run/epoch_names.h"
#include "server/api.h"

namespace dvi {
namespace {

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

Json describe_column(ServedRun& served, const std::string& name, bool per_epoch) {
  const Json shown = served.run().manifest().columns.value(name, Json::object());
  const auto range = served.column_range(name, per_epoch);
  Json column = {
      {"name", name}, {"per_epoch", per_epoch}, {"min", range.min}, {"max", range.max}, {"type", "number"}};
  column["title"] = shown.is_object() && shown.contains("title") && shown["title"].is_string()
                        ? shown["title"]
                        : Json(name);
  if (shown.is_object() && shown.contains("categories") && shown["categories"].is_array()) {
    column["type"] = "category";
    column["categories"] = shown["categories"];
  } else if (range.yes_no) {
    column["type"] = "category";
    column["categories"] = {"no", "yes"};
  }
  return column;
}

/// Appends what a step makes, or says in `problems` why it cannot be had: a damaged file hides none of the
/// others.
template <typename Make>
void try_to_append(Json& list, Json& problems, Make make) {
  try {
    list.push_back(make());
  } catch (const Error& error) {
    problems.push_back(error.what());
  }
}

/// None of an epoch that cannot be read; describe_run says why.
std::vector<std::string> column_names_of(const Run& run, int epoch) {
  try {
    return run.epoch(epoch).column_names();
  } catch (const Error&) {
    return {};
  }
}

Json describe_columns(ServedRun& served, Json& problems) {
  Json columns = Json::array();
  std::vector<std::string> names = served.run().column_names();
  for (const auto& name : names)
    try_to_append(columns, problems, [&] { return describe_column(served, name, false); });
  std::vector<std::string> by_epoch;
  for (const int epoch : served.run().epoch_numbers())
    for (auto& name : column_names_of(served.run(), epoch)) by_epoch.push_back(std::move(name));
  std::sort(by_epoch.begin(), by_epoch.end());
  by_epoch.erase(std::unique(by_epoch.begin(), by_epoch.end()), by_epoch.end());
  for (const auto& name : by_epoch)
    if (std::find(names.begin(), names.end(), name) == names.end())
      try_to_append(columns, problems, [&] { return describe_column(served, name, true); });
  return columns;
}

Json describe_run(ServedRun& served) {
  const Run& run = served.run();
  const Manifest& manifest = run.manifest();
  Json problems = Json::array();
  Json json = {{"id", served.id()},
               {"key", run.key()},
               {"name", manifest.name},
               {"classes", manifest.classes},
               {"groups", manifest.to_json()["groups"]},
               {"sample_count", manifest.sample_count()},
               {"feature_dim", manifest.feature_dim},
               {"inputs", nullptr},
               {"columns", describe_columns(served, problems)},
               {"epochs", Json::array()},
               {"finished", run.finished()},
               {"views", run.view_names()},
               {"training_sets", false}};
  if (manifest.inputs) {
    std::vector<int64_t> shape;
    if (run.inputs()) shape.assign(run.inputs()->shape().begin() + 1, run.inputs()->shape().end());
    json["inputs"] = {{"kind", manifest.inputs->kind}, {"shape", shape}};
  }
  for (const int number : run.epoch_numbers())
    try_to_append(json["epochs"], problems, [&] {
      const Epoch epoch = run.epoch(number);
      Json scalars = epoch.scalars();
      if (scalars.contains("label")) json["epoch_names"][std::to_string(number)] = epoch_name(epoch);
      scalars.erase("label");
      scalars.erase("at");
      if (epoch.has("training_set.npy")) json["training_sets"] = true;
      return scalars;
    });
  json["problems"] = std::move(problems);
  return json;
}

HttpResponse training_set(ServedRun& served, const Call& call) {
  const Run& run = served.run();
  const int number = static_cast<int>(call.number("epoch", 0, 999999));
  const auto numbers = run.epoch_numbers();
  if (!std::binary_search(numbers.begin(), numbers.end(), number))
    throw HttpError(404, fmt::format("epoch {} is not recorded in this run", number));
  std::string in_set(run.labels().size(), '\0');
  const auto recorded = run.epoch(number).training_set();
  for (const int32_t id : recorded ? *recorded : run.manifest().ids_of_role("train"))
    in_set.at(static_cast<size_t>(id)) = 1;
  return binary_response(std::move(in_set));
}

HttpResponse column(ServedRun& served, const Call& call) {
  const Run& run = served.run();
  const std::string& name = call.place("name");
  if (call.query("epoch")) {
    const int number = static_cast<int>(call.number("epoch", 0, 999999));
    const auto numbers = run.epoch_numbers();
    if (std::binary_search(numbers.begin(), numbers.end(), number))
      if (const auto values = run.epoch(number).column(name)) return binary_response(bytes_of(*values));
  }
  const auto names = run.column_names();
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw HttpError(404, "this run has no column of that name" +
                             std::string(call.query("epoch") ? " at this epoch" : ""));
  return binary_response(bytes_of(run.column(name)));
}

}  // namespace

void add_run_routes(Router& router, ApiState& state) {
  router.add("GET", "/api/runs", [&](const Call&) {
    Json runs = Json::array();
    for (size_t id = 0; id < state.runs.size(); ++id) {
      try {
        const auto served = run_at(state, id);
        const Run& run = served->run();
        runs.push_back({{"id", id}, {"name", run.manifest().name}, {"views", run.view_names()}});
      } catch (const HttpError& error) {
        // One that is gone or being replaced hides none of the others.
        runs.push_back({{"id", id},
                        {"name", state.runs.folder(id).filename().string()},
                        {"views", Json::array()},
                        {"error", error.what()}});
      }
    }
    return json_response({{"runs", runs}, {"version", DVI_VERSION}});
  });
  router.add("GET", "/api/runs/:run",
             [&](const Call& call) { return json_response(describe_run(run_of(state, call))); });
  router.add("GET", "/api/runs/:run/labels",
             [&](const Call& call) { return binary_response(bytes_of(run_of(state, call).run().labels())); });
  router.add("GET", "/api/runs/:run/columns/:name",
             [&](const Call& call) { return column(run_of(state, call), call); });
  router.add("GET", "/api/runs/:run/training_set",
             [&](const Call& call) { return training_set(run_of(state, call), call); });
}

}  // namespace dvi
