// Requests and responses, free of any HTTP library.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace dvi {

struct HttpRequest {
  std::string method;             ///< "GET", "HEAD", "POST", "DELETE", ...
  std::string target;             ///< as sent: path and query
  std::vector<std::string> path;  ///< its segments, percent-decoded: {"api", "runs", "0"}; empty for "/"
  std::map<std::string, std::string> query;    ///< percent-decoded; of a repeated key the last
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  std::stop_token
      stop;  ///< requested when nobody waits for the answer any more: the client left, the server ends

  /// The header's value, or "".
  const std::string& header(const std::string& lower_case_name) const;
};

/// Splits and decodes `target` into path and query. Returns false, leaving `request` unusable, for what no
/// link of ours holds: no leading slash, a broken percent code, a segment that is "." or "..", or one with a
/// slash, backslash or control character in it.
bool parse_target(std::string_view target, HttpRequest& request);

enum class Caching {
  none,       ///< no-store
  check,      ///< kept, but asked for again with If-None-Match
  immutable,  ///< kept for a year without asking
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::shared_ptr<const std::string> body;
  std::shared_ptr<const std::string> gzipped;  ///< the same compressed, where that is worthwhile
  std::string etag;                            ///< with quotes; "" = none
  Caching caching = Caching::none;
  std::map<std::string, std::string> headers;  ///< further ones
  /// A stream of server-sent events instead of a body: what HttpServer::publish sends from now on, after
  /// `body`.
  bool event_stream = false;
};

/// Thrown by handlers; becomes {"error": sentence} with this status.
class HttpError : public Error {
 public:
  HttpError(int status, const std::string& sentence) : Error(sentence), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

/// Answers a request. Called by several threads at once.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

/// {"error": sentence}.
HttpResponse error_response(int status, const std::string& sentence);

/// What `handler` answers; where it throws, an error_response: HttpError's own status, 503 without memory,
/// else 500.
HttpResponse answer_of(const HttpHandler& handler, const HttpRequest& request);

}  // namespace dvi
