#include "server/router.h"

#include <charconv>
#include <cmath>

namespace dvi {
namespace {

[[noreturn]] void bad(const std::string& sentence) { throw HttpError(400, sentence); }

/// Whether `segment` fits `pattern`, and what stands for its name then.
bool fits(const std::string& pattern, const std::string& segment,
          std::map<std::string, std::string>& places) {
  if (pattern[0] != ':') return pattern == segment;
  const size_t dot = std::min(pattern.find('.'), pattern.size());
  const std::string suffix = pattern.substr(dot);
  if (segment.size() <= suffix.size() || segment.substr(segment.size() - suffix.size()) != suffix)
    return false;
  places[pattern.substr(1, dot - 1)] = segment.substr(0, segment.size() - suffix.size());
  return true;
}

}  // namespace

std::optional<int64_t> parse_number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int64_t Call::place_number(const std::string& name) const {
  const auto value = parse_number(place(name));
  if (!value) bad(fmt::format("expected a number for the {} in the path, found \"{}\"", name, place(name)));
  return *value;
}

std::optional<std::string> Call::query(const std::string& name) const {
  const auto found = request_.query.find(name);
  return found == request_.query.end() ? std::nullopt : std::optional(found->second);
}

int64_t Call::number(const std::string& name, int64_t low, int64_t high,
                     std::optional<int64_t> otherwise) const {
  const auto text = query(name);
  if (!text && otherwise) return *otherwise;
  const auto value = text ? parse_number(*text) : std::nullopt;
  if (!value || *value < low || *value > high)
    bad(fmt::format("{}: expected a whole number from {} to {}, found {}", name, low, high,
                    text ? "\"" + *text + "\"" : "none"));
  return *value;
}

double Call::real(const std::string& name) const {
  const auto text = query(name);
  double value = NAN;
  if (text) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size()) value = NAN;
  }
  if (!std::isfinite(value))
    bad(fmt::format("{}: expected a number, found {}", name, text ? "\"" + *text + "\"" : "none"));
  return value;
}

std::vector<int32_t> Call::ids(const std::string& name, int64_t end, size_t most) const {
  const std::string text = query(name).value_or("");
  std::vector<int32_t> ids;
  for (size_t at = 0; at < text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const auto id = parse_number(text.substr(at, comma - at));
    if (!id || *id < 0 || *id >= end)
      bad(fmt::format("{}: expected numbers from 0 to {} separated by commas, found \"{}\"", name, end - 1,
                      text.substr(at, std::min<size_t>(comma - at, 40))));
    ids.push_back(static_cast<int32_t>(*id));
    at = comma + 1;
  }
  if (ids.size() > most)
    bad(fmt::format("{}: expected at most {}, found {}; ask for them in parts", name, most, ids.size()));
  return ids;
}

Json Call::json() const {
  Json json;
  try {
    json = parse_json(request_.body, "the request's body");
  } catch (const Error& error) {
    bad(error.what());
  }
  if (!json.is_object()) bad("expected a JSON object as the request's body");
  return json;
}

std::vector<int32_t> ids_of(const Json& body, const std::string& key, int64_t end) {
  std::vector<int32_t> ids;
  const auto found = body.find(key);
  if (found == body.end() || !found->is_array())
    bad(fmt::format("expected \"{}\" to be a list of sample ids", key));
  ids.reserve(found->size());
  for (const Json& item : *found) {
    if (!item.is_number_integer() || item < 0 || item >= end)
      bad(fmt::format("{}: expected ids from 0 to {}, found {}", key, end - 1,
                      item.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 40)));
    ids.push_back(item.get<int32_t>());
  }
  return ids;
}

void Router::add(const std::string& method, const std::string& pattern, Action action) {
  HttpRequest split;
  if (!parse_target(pattern, split)) fail("router: {} is no pattern", pattern);
  routes_.push_back({method, split.path, std::move(action)});
}

HttpResponse Router::route(const HttpRequest& request) const {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  bool known = false;
  for (const Route& route : routes_) {
    if (route.pattern.size() != request.path.size()) continue;
    std::map<std::string, std::string> places;
    bool all = true;
    for (size_t i = 0; all && i < request.path.size(); ++i)
      all = fits(route.pattern[i], request.path[i], places);
    if (!all) continue;
    known = true;
    if (route.method == method) return route.action(Call(request, std::move(places)));
  }
  if (known) throw HttpError(405, "this address does not take " + request.method);
  throw HttpError(404, "there is nothing at this address");
}

HttpResponse json_response(const Json& json) {
  HttpResponse response;
  response.caching = Caching::check;
  response.body =
      std::make_shared<const std::string>(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  return response;
}

HttpResponse binary_response(std::string bytes) {
  HttpResponse response;
  response.content_type = "application/octet-stream";
  response.caching = Caching::check;
  response.body = std::make_shared<const std::string>(std::move(bytes));
  return response;
}

}  // namespace dvi
