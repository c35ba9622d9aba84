#include "mcp/mcp_server.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "causes/causes.h"
#include "core/error.h"
#include "findings/findings.h"
#include "image/png.h"
#include "query/query.h"
#include "render/picture_file.h"
#include "render/sample_colors.h"
#include "report/base64.h"
#include "run/inputs.h"

namespace dvi {
namespace {

constexpr const char* newest_revision = "2025-06-18";
constexpr const char* revisions[] = {"2024-11-05", "2025-03-26", newest_revision};
// JSON-RPC 2.0, section 5.1.
constexpr int parse_error = -32700, invalid_request = -32600, method_not_found = -32601,
              invalid_params = -32602;

struct RpcError {
  int code;
  std::string sentence;
};

Json parameter(const char* type, const std::string& meaning) {
  return {{"type", type}, {"description", meaning}};
}

Json tool(const char* name, const char* meaning, Json properties, Json required) {
  return {{"name", name},
          {"description", meaning},
          {"inputSchema",
           {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", std::move(required)},
            {"additionalProperties", false}}},
          {"annotations", {{"readOnlyHint", true}, {"openWorldHint", false}}}};
}

const Json& tools() {
  static const Json epoch = parameter("integer", "Fitted epoch; the last one if absent");
  static const Json condition = parameter(
      "string",
      "SQL expression over the columns and functions that summary lists, for example label = 'Shirt' and "
      "correct = 0 and confidence > 0.9");
  static const Json list = Json::array(
      {tool("summary",
            "What the run holds: classes, groups of samples, fitted epochs with their numbers (loss, "
            "accuracy), and "
            "what a condition may use",
            Json::object(), Json::array()),
       tool(
           "findings",
           "What happened in the training that is worth knowing (memorisation, forgetting, confusions, "
           "unstable or suspicious samples), the most important first, each with epochs, classes and samples",
           {{"limit", parameter("integer", "Findings listed at most, 1 to 100; 10 if absent")}},
           Json::array()),
       tool("query", "The samples that a condition holds for, with label, prediction and confidence",
            {{"condition", condition},
             {"epoch", epoch},
             {"limit", parameter("integer", "Samples listed at most, 1 to 1000; 50 if absent")}},
            {"condition"}),
       tool("sample",
            "One sample: label, prediction and confidence at every fitted epoch, its place on the map, its "
            "nearest "
            "samples in feature space, its text or table row, and its picture where samples are images",
            {{"id", parameter("integer", "Sample id, as query gives it")}, {"epoch", epoch}}, {"id"}),
       tool("why",
            "The training samples that pushed a sample from one prediction to another between two recorded "
            "epochs, and those that pushed against it, with a measured hit rate of such answers",
            {{"id", parameter("integer", "Sample id, as query gives it")},
             {"from", parameter("integer", "Recorded epoch; that before the last change if absent")},
             {"to", parameter("integer", "A later recorded epoch")}},
            {"id"}),
       tool("render", "The map of one epoch as a PNG picture",
            {{"epoch", epoch},
             {"color", parameter("string", fmt::format("What colours tell: {}, or a column; label if absent",
                                                       fmt::join(SampleColoring::ways(), ", ")))},
             {"highlight", condition},
             {"height", parameter("integer", "Pixels, 200 to 2000; 900 if absent")}},
            Json::array())});
  return list;
}

Json parsed(std::string_view message) {
  try {
    return parse_json(message, "message");
  } catch (const Error& error) {
    throw RpcError{parse_error, error.what()};
  }
}

Json text_content(const std::string& text) { return {{"type", "text"}, {"text", text}}; }
Json image_content(const std::string& png) {
  return {{"type", "image"}, {"data", base64(png)}, {"mimeType", "image/png"}};
}

int64_t whole_number(const Json& arguments, const char* name, int64_t least, int64_t most, int64_t absent) {
  const auto it = arguments.find(name);
  if (it == arguments.end() || it->is_null()) return absent;
  if (!it->is_number_integer() || it->get<int64_t>() < least || it->get<int64_t>() > most)
    fail("{}: expected a whole number from {} to {}, found {}", name, least, most, it->dump());
  return it->get<int64_t>();
}

std::string text_of(const Json& arguments, const char* name, const std::string& absent) {
  const auto it = arguments.find(name);
  if (it == arguments.end() || it->is_null()) return absent;
  if (!it->is_string()) fail("{}: expected a text, found {}", name, it->dump());
  return it->get<std::string>();
}

}  // namespace

McpServer::McpServer(const std::filesystem::path& folder, const std::string& view)
    : run_(Run::open(folder)), view_name_(view.empty() ? default_view_name(run_) : view) {
  look_again();
  if (view_->epoch_numbers().empty())
    fail("{}: view \"{}\" has no fitted epoch yet; run `dvi fit` first", folder.string(), view_name_);
}

void McpServer::look_again() { view_.emplace(View::open(run_, view_name_)); }

std::optional<std::string> McpServer::answer(std::string_view message) {
  Json id, response{{"jsonrpc", "2.0"}};
  try {
    const Json request = parsed(message);
    if (!request.is_object() || request.value("jsonrpc", Json()) != "2.0" ||
        !request.value("method", Json()).is_string())
      throw RpcError{invalid_request, "the message is not a JSON-RPC 2.0 request"};
    if (!request.contains("id")) return std::nullopt;
    if (request["id"].is_structured()) throw RpcError{invalid_request, "an id is a number or a text"};
    id = request["id"];
    response["result"] = call(request["method"], request.value("params", Json::object()));
  } catch (const RpcError& error) {
    response["error"] = {{"code", error.code}, {"message", error.sentence}};
  }
  response["id"] = id;
  return response.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json McpServer::call(const std::string& method, const Json& parameters) {
  if (method == "ping") return Json::object();
  if (method == "initialize") {
    const Json asked = parameters.is_object() ? parameters.value("protocolVersion", Json()) : Json();
    const bool known = std::any_of(std::begin(revisions), std::end(revisions),
                                   [&](const char* revision) { return asked == revision; });
    return {
        {"protocolVersion", known ? asked : Json(newest_revision)},
        {"capabilities", {{"tools", Json::object()}}},
        {"serverInfo", {{"name", "dvi"}, {"version", DVI_VERSION}}},
        {"instructions",
         "The recorded training of a classifier, epoch by epoch. Begin with summary; conditions are SQL over "
         "samples."}};
  }
  if (method == "tools/list") return {{"tools", tools()}};
  if (method != "tools/call") throw RpcError{method_not_found, "there is no method " + method};
  const Json name = parameters.is_object() ? parameters.value("name", Json()) : Json();
  const auto is_it = [&](const Json& tool) { return tool["name"] == name; };
  if (std::none_of(tools().begin(), tools().end(), is_it))
    throw RpcError{invalid_params, "there is no tool " + name.dump()};
  const Json arguments = parameters.value("arguments", Json::object());
  if (!arguments.is_object()) throw RpcError{invalid_params, "arguments must be an object"};
  try {
    look_again();
    return {{"content", call_tool(name, arguments)}, {"isError", false}};
  } catch (const std::exception& error) {  // what the caller can mend
    return {{"content", {text_content(error.what())}}, {"isError", true}};
  }
}

Json McpServer::call_tool(const std::string& name, const Json& arguments) {
  const Json& known = std::find_if(tools().begin(), tools().end(), [&](const Json& tool) {
                        return tool["name"] == name;
                      })->at("inputSchema");
  for (const auto& [key, value] : arguments.items())
    if (!known["properties"].contains(key)) fail("{}: there is no argument \"{}\"", name, key);
  for (const Json& key : known["required"])
    if (!arguments.contains(key.get<std::string>())) fail("{}: the argument {} is missing", name, key.dump());
  if (name == "summary") return summary();
  if (name == "findings") return findings(arguments);
  if (name == "query") return query(arguments);
  if (name == "why") return why(arguments);
  if (name == "sample") return sample(arguments);
  return render(arguments);
}

std::shared_ptr<const ViewEpoch> McpServer::epoch_of(const Json& arguments) const {
  return view_->epoch(
      static_cast<int>(whole_number(arguments, "epoch", 0, 999999, view_->epoch_numbers().back())));
}

Json McpServer::summary() const {
  const Manifest& manifest = run_.manifest();
  Json groups = Json::array(), epochs = Json::array(), vocabulary = Json::array();
  for (const Group& group : manifest.groups)
    groups.push_back(
        {{"name", group.name}, {"role", group.role}, {"first", group.begin}, {"count", group.count}});
  for (const int epoch : view_->epoch_numbers()) epochs.push_back(run_.epoch(epoch).scalars());
  for (const ColumnInfo& column : query_vocabulary(SampleTable(run_, *view_)))
    vocabulary.push_back({{"name", column.name}, {"meaning", column.meaning}});
  return {text_content(Json{
      {"name", manifest.name},
      {"samples", manifest.sample_count()},
      {"inputs", manifest.inputs ? manifest.inputs->kind : "none"},
      {"classes", manifest.classes},
      {"groups", groups},
      {"epochs", epochs},
      {"recording_finished", run_.finished()},
      {"condition",
       vocabulary}}.dump())};
}

Json McpServer::findings(const Json& arguments) const {
  auto found = find_in_run(run_, *view_);
  found.resize(std::min(found.size(), static_cast<size_t>(whole_number(arguments, "limit", 1, 100, 10))));
  constexpr size_t most_samples = 20;
  for (Finding& finding : found) finding.samples.resize(std::min(finding.samples.size(), most_samples));
  return {text_content(to_json(found).dump())};
}

Json McpServer::why(const Json& arguments) const {
  const auto epoch = [&](const char* name) -> std::optional<int> {
    const int64_t number = whole_number(arguments, name, 0, 999999, -1);
    return number < 0 ? std::nullopt : std::optional(static_cast<int>(number));
  };
  const auto id =
      static_cast<int32_t>(whole_number(arguments, "id", 0, run_.manifest().sample_count() - 1, 0));
  const Causes causes(run_);
  return {text_content(to_json(causes.explain(causes.change_of(id, epoch("from"), epoch("to")))).dump())};
}

Json McpServer::query(const Json& arguments) const {
  const SampleTable table(run_, *view_);
  const auto limit = static_cast<size_t>(whole_number(arguments, "limit", 1, 1000, 50));
  const QueryResult found =
      find_samples(table, text_of(arguments, "condition", ""), epoch_of(arguments)->number());
  const auto epoch = view_->epoch(found.epoch);
  Json samples = Json::array();
  for (size_t n = 0; n < std::min(limit, found.ids.size()); ++n) {
    const auto i = static_cast<size_t>(found.ids[n]);
    const int32_t label = run_.labels()[i];
    samples.push_back({{"id", found.ids[n]},
                       {"group", run_.manifest().group_of(found.ids[n]).name},
                       {"label", label < 0 ? Json() : Json(table.classes()[static_cast<size_t>(label)])},
                       {"prediction", table.classes()[static_cast<size_t>(epoch->predictions()[i])]},
                       {"confidence", epoch->confidence()[i]}});
  }
  return {
      text_content(Json{{"epoch", found.epoch}, {"count", found.ids.size()}, {"samples", samples}}.dump())};
}

Json McpServer::sample(const Json& arguments) const {
  const int64_t id = whole_number(arguments, "id", 0, run_.manifest().sample_count() - 1, 0);
  const auto i = static_cast<size_t>(id);
  const auto epoch = epoch_of(arguments);
  const auto& classes = run_.manifest().classes;
  const int32_t label = run_.labels()[i];
  Json history = Json::array();
  for (const int number : view_->epoch_numbers()) {
    const auto at = view_->epoch(number);
    history.push_back({{"epoch", number},
                       {"prediction", classes[static_cast<size_t>(at->predictions()[i])]},
                       {"confidence", at->confidence()[i]}});
  }
  const auto k = static_cast<size_t>(epoch->neighbor_count());
  const auto nearest = epoch->neighbors().subspan(i * k, k);
  Json json{{"id", id},
            {"group", run_.manifest().group_of(id).name},
            {"label", label < 0 ? Json() : Json(classes[static_cast<size_t>(label)])},
            {"epoch", epoch->number()},
            {"position", {epoch->positions()[2 * i], epoch->positions()[2 * i + 1]}},
            {"nearest_in_feature_space", std::vector<int32_t>(nearest.begin(), nearest.end())},
            {"history", history}};
  if (const auto texts = run_.texts(); !texts.empty()) json["text"] = texts[i];
  if (const auto rows = run_.rows(); !rows.empty()) {
    Json row = Json::object();
    for (size_t c = 0; c < rows.front().size(); ++c) row[rows.front()[c]] = rows[i + 1][c];
    json["row"] = row;
  }
  Json content{text_content(json.dump(-1, ' ', false, Json::error_handler_t::replace))};
  if (run_.inputs() && run_.manifest().inputs && run_.manifest().inputs->kind == "image") {
    auto pixels = InputReader(run_, run_.epoch(epoch->number())).pixels(id);
    content.push_back(
        image_content(encode_png({pixels.width, pixels.height, pixels.channels, std::move(pixels.values)})));
  }
  return content;
}

Json McpServer::render(const Json& arguments) const {
  FigureOptions options;
  options.color = text_of(arguments, "color", options.color);
  options.highlight = text_of(arguments, "highlight", "");
  options.height = static_cast<int>(whole_number(arguments, "height", 200, 2000, options.height));
  Figure figure(run_, *view_, {epoch_of(arguments)->number()}, options);
  return {image_content(picture_bytes(figure, 0, "png"))};
}

}  // namespace dvi
