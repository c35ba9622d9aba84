// Named selections: selections/NAME.json in the run directory, {"name", "created", "ids"}.
#include <algorithm>
#include <ctime>

#include "core/sentence.h"
#include "run/csv.h"
#include "server/api.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const ServedRun& served) { return served.run().folder() / "selections"; }

fs::path file_of(const ServedRun& served, const std::string& name) {
  if (!is_plain_name(name) || name.size() > 100)
    throw HttpError(
        400, "expected a name of at most 100 characters without slashes that does not begin with a dot");
  return folder_of(served) / (name + ".json");
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

Json read_selection(const ServedRun& served, const fs::path& file) {
  const Json json = read_json(file);
  if (!json.is_object())
    fail("{}: expected a selection, found something else; remove the file", file.string());
  std::vector<int32_t> ids;
  try {
    ids = ids_of(json, "ids", served.run().manifest().sample_count());
  } catch (const HttpError& error) {
    fail("{}: {}; mend or remove the file", file.string(), error.what());
  }
  const auto created = json.find("created");
  return {{"name", file.stem().string()},
          {"created", created != json.end() && created->is_string() ? *created : Json("")},
          {"count", ids.size()},
          {"ids", ids}};
}

HttpResponse list(const ServedRun& served) {
  std::vector<fs::path> files;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder_of(served), missing))
    if (entry.path().extension() == ".json" && is_plain_name(entry.path().stem().string()))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  Json selections = Json::array(), problems = Json::array();
  for (const auto& file : files) {
    try {
      selections.push_back(read_selection(served, file));
    } catch (const std::exception& error) {
      problems.push_back(sentence_of(error));  // the others are still to be shown
    }
  }
  return json_response({{"selections", selections}, {"problems", problems}});
}

HttpResponse save(const ServedRun& served, const Call& call) {
  const Json body = call.json();
  const auto name = body.find("name");
  if (name == body.end() || !name->is_string()) throw HttpError(400, "expected \"name\" to be a text");
  const auto file = file_of(served, name->get<std::string>());
  const auto ids = ids_of(body, "ids", served.run().manifest().sample_count());
  // Not create_directories: a run that was removed is not to come back as a folder with nothing but a
  // selection in it.
  std::error_code error;
  fs::create_directory(folder_of(served), error);
  remove_leftovers(folder_of(served));
  write_json(file, {{"name", *name}, {"created", now()}, {"ids", ids}});
  return json_response({{"name", *name}, {"count", ids.size()}});
}

HttpResponse remove(const ServedRun& served, const Call& call) {
  const auto file = file_of(served, call.place("name"));
  std::error_code error;
  if (!fs::remove(file, error) && !error) throw HttpError(404, "there is no selection of that name");
  if (error) fail("{}: cannot be removed: {}; check the folder's rights", file.string(), error.message());
  return json_response(Json::object());
}

HttpResponse as_csv(ServedRun& served, const Call& call) {
  const auto file = file_of(served, call.place("name"));
  if (!fs::exists(file)) throw HttpError(404, "there is no selection of that name");
  const Json selection = read_selection(served, file);
  const Manifest& manifest = served.run().manifest();
  std::shared_ptr<const ViewEpoch> epoch;
  if (const auto view = call.query("view"))
    epoch = epoch_of(*view_of(served, *view), call.number("epoch", 0, 999999));
  std::string csv = epoch ? "id,group,label,prediction,confidence\r\n" : "id,group,label\r\n";
  for (const Json& item : selection["ids"]) {
    const auto id = item.get<size_t>();
    const int32_t label = served.run().labels()[id];
    csv += fmt::format("{},{},{}", id, csv_cell(manifest.group_of(static_cast<int64_t>(id)).name),
                       label < 0 ? "" : csv_cell(manifest.classes[static_cast<size_t>(label)]));
    if (epoch)
      csv +=
          fmt::format(",{},{}", csv_cell(manifest.classes.at(static_cast<size_t>(epoch->predictions()[id]))),
                      epoch->confidence()[id]);
    csv += "\r\n";
  }
  HttpResponse response = binary_response(std::move(csv));
  response.content_type = "text/csv; charset=utf-8";
  response.headers["Content-Disposition"] = "attachment";
  return response;
}

}  // namespace

void add_selection_routes(Router& router, ApiState& state) {
  router.add("GET", "/api/runs/:run/selections", [&](const Call& call) { return list(run_of(state, call)); });
  router.add("POST", "/api/runs/:run/selections",
             [&](const Call& call) { return save(run_of(state, call), call); });
  router.add("DELETE", "/api/runs/:run/selections/:name",
             [&](const Call& call) { return remove(run_of(state, call), call); });
  router.add("GET", "/api/runs/:run/selections/:name.csv",
             [&](const Call& call) { return as_csv(run_of(state, call), call); });
}

}  // namespace dvi
