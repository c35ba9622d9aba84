// An HTTP/1.1 server: sockets, limits and timeouts. What is answered is the handler's business.
//
// Connections are served asynchronously, so that thousands may stay open and idle without a thread each;
// handlers run on a pool of their own, so that a slow answer delays no other connection's socket work.
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
  /// A request's line and headers, and its body, in bytes; beyond it the answer is 431 or 413. The body holds
  /// at most a selection: a million ids are 8 MB.
  uint32_t header_limit = 16 << 10;
  uint64_t body_limit = 16 << 20;
  double receive_seconds = 20;  ///< for a whole request, once its first byte is there
  double idle_seconds = 300;    ///< for the next request of a connection
  double send_seconds = 120;    ///< for a whole answer
  int most_connections = 1000;  ///< beyond it new ones are closed at once
};

class HttpServer {
 public:
  /// Binds and starts answering. Throws Error if the address cannot be had, e.g. because the port is in use.
  HttpServer(const HttpServerOptions& options, HttpHandler handler);
  /// Stops: closes all connections and waits for running handlers.
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
