#include "server/testing/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>

#include "core/error.h"

namespace dvi {

HttpClient::HttpClient(uint16_t port) : port_(port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
  const timeval patience{10, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    fail("port {}: expected a server, found none", port);
  }
}

HttpClient::~HttpClient() { ::close(socket_); }

HttpAnswer HttpClient::request(const std::string& method, const std::string& target, const Headers& headers,
                               const std::string& body) {
  send(method, target, headers, body);
  return receive();
}

void HttpClient::send(const std::string& method, const std::string& target, const Headers& headers,
                      const std::string& body) {
  head_ = method == "HEAD";
  std::string text = method + " " + target + " HTTP/1.1\r\n";
  if (!headers.contains("Host")) text += "Host: 127.0.0.1:" + std::to_string(port_) + "\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  send_raw(text + "\r\n" + body);
}

void HttpClient::send_raw(const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;  // the server has said enough; receive() tells
    sent += static_cast<size_t>(n);
  }
}

bool HttpClient::fill() {
  char chunk[65536];
  const ssize_t n = recv(socket_, chunk, sizeof chunk, 0);
  if (n < 0 && errno != ECONNRESET) fail("expected bytes from the server, found none in 10 seconds");
  if (n <= 0) return false;
  buffer_.append(chunk, static_cast<size_t>(n));
  return true;
}

std::string HttpClient::receive_until(const std::string& end) {
  size_t at;
  while ((at = buffer_.find(end)) == std::string::npos)
    if (!fill()) fail("expected more from the server, found the end of the connection");
  std::string text = buffer_.substr(0, at + end.size());
  buffer_.erase(0, at + end.size());
  return text;
}

HttpAnswer HttpClient::receive() {
  const std::string front = receive_until("\r\n\r\n");
  HttpAnswer answer;
  answer.status = std::stoi(front.substr(9, 3));
  for (size_t at = front.find("\r\n") + 2; at < front.size() - 2;) {
    const size_t end = front.find("\r\n", at), colon = front.find(": ", at);
    std::string name = front.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = front.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  if (head_ || answer.status == 304 || !answer.headers.contains("content-length")) return answer;
  const size_t length = std::stoul(answer.headers["content-length"]);
  while (buffer_.size() < length)
    if (!fill()) fail("expected {} bytes from the server, found {}", length, buffer_.size());
  answer.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return answer;
}

bool HttpClient::closed_by_server() {
  while (fill()) {
  }
  return true;
}

}  // namespace dvi
