// Which function answers which path.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/file.h"
#include "server/http.h"

namespace dvi {

/// A request and what its path and query say; every accessor throws HttpError (400) with a sentence for what
/// does not fit.
class Call {
 public:
  Call(const HttpRequest& request, std::map<std::string, std::string> places)
      : request_(request), places_(std::move(places)) {}
  const HttpRequest& request() const { return request_; }
  /// What stands for ":name" in the path.
  const std::string& place(const std::string& name) const { return places_.at(name); }
  int64_t place_number(const std::string& name) const;

  std::optional<std::string> query(const std::string& name) const;
  /// A whole number from low to high; `otherwise` where the query does not name it, or an error if there is
  /// none.
  int64_t number(const std::string& name, int64_t low, int64_t high,
                 std::optional<int64_t> otherwise = {}) const;
  double real(const std::string& name) const;
  /// "1,2,3", each from 0 to below `end`, at most `most`.
  std::vector<int32_t> ids(const std::string& name, int64_t end, size_t most) const;
  /// The body, a JSON object.
  Json json() const;
  /// Keeps `thing` alive until the request is answered.
  void keep(std::shared_ptr<const void> thing) const { kept_.push_back(std::move(thing)); }

 private:
  const HttpRequest& request_;
  std::map<std::string, std::string> places_;
  mutable std::vector<std::shared_ptr<const void>> kept_;
};

/// A whole number, digits only; nothing for anything else.
std::optional<int64_t> parse_number(const std::string& text);
/// A list of ids, each from 0 to below `end`, out of a JSON body. Throws HttpError (400).
std::vector<int32_t> ids_of(const Json& body, const std::string& key, int64_t end);

class Router {
 public:
  using Action = std::function<HttpResponse(const Call&)>;
  /// `pattern`: "/api/runs/:run/labels"; ":name" stands for any one segment, ":name.png" for one that ends
  /// so.
  void add(const std::string& method, const std::string& pattern, Action action);
  /// HEAD is answered as GET. 404 for an unknown path, 405 for a known one with another method.
  HttpResponse route(const HttpRequest& request) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> pattern;
    Action action;
  };
  std::vector<Route> routes_;
};

HttpResponse json_response(const Json& json);
/// Raw little-endian bytes.
HttpResponse binary_response(std::string bytes);

}  // namespace dvi
