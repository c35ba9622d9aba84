#include "server/viewer_server.h"

#include <chrono>
#include <set>
#include <thread>

#include "core/mapped_file.h"
#include "core/parallel.h"
#include "core/sentence.h"
#include "server/access.h"
#include "server/api.h"
#include "server/api_causes.h"
#include "server/api_project.h"
#include "server/api_sessions.h"
#include "server/encoding.h"
#include "server/http_server.h"
#include "server/live_watch.h"
#include "server/page.h"

namespace dvi {
namespace {

/// A file of the embedded page, or nothing.
std::optional<HttpResponse> page_response(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  std::string path;
  for (const auto& segment : request.path) path += "/" + segment;
  if (path.empty()) path = "/index.html";
  for (const PageFile& file : page_files()) {
    if (file.path != path) continue;
    HttpResponse response;
    response.content_type = file.content_type;
    response.etag = file.etag;
    // Vite puts a hash of the content into the names under assets/.
    response.caching = path.substr(0, 8) == "/assets/" ? Caching::immutable : Caching::check;
    response.gzipped = std::make_shared<const std::string>(reinterpret_cast<const char*>(file.gzipped.data()),
                                                           file.gzipped.size());
    return response;
  }
  return std::nullopt;
}

/// The last event that the page knows; one that has missed none if it does not say.
uint64_t last_known_event(const HttpRequest& request) {
  const auto given = request.query.find("since");
  const std::string& text = given != request.query.end() ? given->second : request.header("last-event-id");
  const auto number = parse_number(text);
  return number && *number >= 0 ? static_cast<uint64_t>(*number) : UINT64_MAX;
}

}  // namespace

struct ViewerServer::Implementation {
  explicit Implementation(const ViewerServerOptions& o)
      : options(o),
        access(Access::for_address(o.address, o.frames, o.base_path)),
        runs(o.runs),
        watch(runs),
        metrics([this](int run, const std::string& view) { watch.announce(run, view); }),
        sessions([this](int64_t run, const std::string& session) {
          watch.tell("session", {{"run", run}, {"session", session}});
        }),
        state{runs, metrics} {
    add_run_routes(router, state);
    add_view_routes(router, state);
    add_epoch_routes(router, state);
    add_sample_routes(router, state);
    add_image_routes(router, state);
    add_selection_routes(router, state);
    add_query_routes(router, state);
    add_cause_routes(router, state);
    add_project_routes(router, state, sessions);
    add_session_routes(router, state, sessions);
    router.add("GET", "/api/live", [this](const Call& call) {
      HttpResponse response;
      response.content_type = "text/event-stream";
      response.event_stream = true;
      response.body = std::make_shared<const std::string>(watch.missed(last_known_event(call.request())));
      return response;
    });
    HttpServerOptions http;
    http.address = o.address;
    http.port = o.port;
    HttpHandlers handlers;
    handlers.answer = [this](const HttpRequest& request) { return answer(request); };
    handlers.admit = [this](const HttpRequest& request) {
      auto refused = refuse(access, without_base_path(access, request));
      if (refused) finish(*refused, request);
      return refused;
    };
    handlers.finish = [this](HttpResponse& response) { finish(response, {}); };
    handlers.slow = slow;
    server = std::make_unique<HttpServer>(http, std::move(handlers));
    watch.start(o.look_seconds, [this](const std::string& event) { server->publish(event); });
  }

  ~Implementation() { watch.stop(); }

  HttpResponse answer(const HttpRequest& asked) const {
    const HttpRequest request = without_base_path(access, asked);
    HttpResponse response = answer_of([this](const HttpRequest& r) { return route(r); }, request);
    finish(response, request);
    return response;
  }

  /// What every answer passes through last.
  void finish(HttpResponse& response, const HttpRequest& request) const {
    add_security_headers(access, response);
    response = negotiate(std::move(response), request);
  }

  HttpResponse route(const HttpRequest& request) const {
    flush_subnormals();
    if (auto refused = refuse(access, request)) return *refused;
    if (auto page = page_response(request)) return *page;
    const uint64_t before = damaged_mappings();
    HttpResponse response = of_one_state(request);
    if (before == damaged_mappings()) return response;
    // What was read as zeros is not shown to anybody; the next request opens the file again.
    throw HttpError(503, "a file of the run was shortened by another program while it was read; ask again");
  }

  /// What fails because a run was replaced meanwhile is asked again of what is there now.
  HttpResponse of_one_state(const HttpRequest& request) const {
    constexpr int most = 4;
    constexpr auto pause = std::chrono::milliseconds(10);
    const bool reads = request.method == "GET" || request.method == "HEAD" || slow(request);
    for (int attempt = 1;; ++attempt) {
      const std::string version = runs.version();
      try {
        return router.route(request);
      } catch (const std::exception&) {
        if (!reads || attempt == most || version == runs.version()) throw;
      }
      std::this_thread::sleep_for(pause);
    }
  }

  /// Questions that take long, whatever their method.
  static bool slow(const HttpRequest& request) {
    static const std::set<std::string> those = {"query", "suspects", "project"};
    return !request.path.empty() && those.contains(request.path.back());
  }

  ViewerServerOptions options;
  Access access;
  ServedRuns runs;
  // Each is used by those below it; only the watch also calls the server, until it is stopped.
  LiveWatch watch;
  MetricsWorker metrics;
  Sessions sessions;
  ApiState state;
  Router router;
  std::unique_ptr<HttpServer> server;
};

ViewerServer::ViewerServer(const ViewerServerOptions& options)
    : implementation_(std::make_unique<Implementation>(options)) {}
ViewerServer::~ViewerServer() = default;

uint16_t ViewerServer::port() const { return implementation_->server->port(); }

std::string ViewerServer::url() const {
  const auto& access = implementation_->access;
  std::string host = implementation_->options.address;
  if (host == "0.0.0.0" || host == "::") {  // every address of this machine: its name stands for them
    host = "localhost";
    for (const auto& name : access.names)
      if (name != "localhost") host = name;
  }
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return fmt::format("http://{}:{}{}/{}", host, port(), access.base_path,
                     access.token.empty() ? "" : "?token=" + access.token);
}

HttpResponse ViewerServer::answer(const HttpRequest& request) const {
  return implementation_->answer(request);
}

}  // namespace dvi
