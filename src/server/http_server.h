// An HTTP/1.1 server: sockets, limits and timeouts. What is answered is the handlers' business.
//
// Connections are served asynchronously, so that thousands may stay open and idle without a thread each;
// handlers run on pools of their own, so that a slow answer delays no other connection's socket work.
//
// What a connection may cost before it has said who it is: a socket, a buffer of 20 KiB and
// `receive_seconds`. Its headers are shown to `admit` before a byte of its body is taken in, bodies have a
// length (no chunks: 411), all bodies together have a budget, and when connections run out, the oldest one
// that waits or dawdles, of the address that holds most, makes room for the new one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/http.h"

namespace dvi {

struct HttpServerOptions {
  std::string address = "127.0.0.1";  ///< a numeric IPv4 or IPv6 address
  uint16_t port = 0;                  ///< 0: any free one
  int handler_threads = 4;
  int slow_threads = 2;  ///< for requests that `slow` tells: they never take the others' threads
  /// A request's line and headers, and its body, in bytes; beyond it the answer is 431 or 413. The body holds
  /// at most a selection: a million ids are 8 MB.
  uint32_t header_limit = 16 << 10;
  uint64_t body_limit = 16 << 20;
  uint64_t bodies_limit = 64 << 20;  ///< of all bodies that are being received or answered; beyond it 503
  double receive_seconds = 20;       ///< for a whole request, the first from the connection on; beyond it 408
  double idle_seconds = 300;         ///< for the next request of a connection
  double send_seconds = 120;         ///< for a whole answer
  int most_connections = 1000;       ///< beyond it see above
  int most_streams = 500;            ///< event streams among them; beyond it 503
};

/// What the server asks. `answer` is called by several threads at once, the others by the server's own
/// thread, so they must be quick. All but `answer` may be empty.
struct HttpHandlers {
  HttpHandler answer;
  /// Asked when the headers have come, before the body: an answer (a refusal) ends the request there.
  std::function<std::optional<HttpResponse>(const HttpRequest&)> admit;
  /// What the server answers itself (400, 408, 431, ...) passes through this.
  std::function<void(HttpResponse&)> finish;
  /// Whether a request may take seconds.
  std::function<bool(const HttpRequest&)> slow;
};

class HttpServer {
 public:
  /// Binds and starts answering. Throws Error if the address cannot be had, e.g. because the port is in use.
  HttpServer(const HttpServerOptions& options, HttpHandlers handlers);
  HttpServer(const HttpServerOptions& options, HttpHandler answer)
      : HttpServer(options, HttpHandlers{std::move(answer), {}, {}, {}}) {}
  /// Stops: closes all connections and waits for running handlers, whose requests' `stop` is requested.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;
  /// Sends `event` (lines of the event-stream format, ending with an empty line) to every open event stream.
  void publish(const std::string& event);

  struct Implementation;  // opaque

 private:
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace dvi
