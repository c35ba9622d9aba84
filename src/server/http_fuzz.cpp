// Any bytes sent to the server are answered with HTTP or with the end of the connection, and nothing but what
// access.h lets through reaches the handler.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "server/access.h"
#include "server/http_server.h"

namespace {

using namespace dvi;

struct Place {
  Access access = Access::for_address("127.0.0.1", false);
  HttpServer server{options(), handlers()};

  static HttpServerOptions options() {
    HttpServerOptions o;
    o.handler_threads = o.slow_threads = 1;
    o.receive_seconds = o.send_seconds = 1;
    return o;
  }
  HttpHandlers handlers() {
    HttpHandlers h;
    h.answer = [this](const HttpRequest& request) {
      if (refuse(access, request)) __builtin_trap();
      HttpResponse response;
      response.body = std::make_shared<const std::string>(request.method + request.body);
      return response;
    };
    h.admit = [this](const HttpRequest& request) { return refuse(access, request); };
    return h;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Place place;
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  // Closed without lingering, or a search would use up the machine's ports.
  const linger at_once{1, 0};
  setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  const timeval patience{5, 0};
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(place.server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINTR) __builtin_trap();  // a search's own alarm interrupts
    close(client);
    return 0;
  }
  // What the server has refused is not read to its end.
  for (size_t at = 0; at < size;) {
    const ssize_t sent = send(client, data + at, size - at, MSG_NOSIGNAL);
    if (sent <= 0) break;
    at += static_cast<size_t>(sent);
  }
  shutdown(client, SHUT_WR);
  std::string answer;
  char chunk[4096];
  ssize_t count;
  while ((count = recv(client, chunk, sizeof chunk, 0)) > 0) answer.append(chunk, static_cast<size_t>(count));
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    __builtin_trap();  // neither answered nor closed
  if (!answer.empty() && answer.substr(0, 7) != "HTTP/1.") __builtin_trap();
  close(client);
  return 0;
}
