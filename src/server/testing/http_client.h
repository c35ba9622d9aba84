// A bare HTTP client for the tests of the server: blocking, and able to send what no decent client sends.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace dvi {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

class HttpClient {
 public:
  /// Connects to 127.0.0.1; throws Error if that fails.
  explicit HttpClient(uint16_t port);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  using Headers = std::map<std::string, std::string>;
  HttpAnswer get(const std::string& target, const Headers& headers = {}) {
    return request("GET", target, headers);
  }
  HttpAnswer request(const std::string& method, const std::string& target, const Headers& headers = {},
                     const std::string& body = "");
  /// Sends without waiting; "Host: 127.0.0.1:PORT" is added unless `headers` has one.
  void send(const std::string& method, const std::string& target, const Headers& headers = {},
            const std::string& body = "");
  void send_raw(const std::string& bytes);
  /// The next answer; throws Error if the connection ends before it is whole or nothing comes for 10 seconds.
  HttpAnswer receive();
  /// Everything up to and including `end`.
  std::string receive_until(const std::string& end);
  /// Waits until the server closes the connection, at most 10 seconds.
  bool closed_by_server();

 private:
  /// Reads once more; false at the end of the connection.
  bool fill();
  int socket_ = -1;
  uint16_t port_;
  bool head_ = false;
  std::string buffer_;
};

}  // namespace dvi
