#include "server/access.h"

#include <arpa/inet.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>

namespace dvi {
namespace {

constexpr const char* cookie_name = "dvi_token";

bool is_address(const std::string& host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

/// "localhost" of "localhost:8080", "::1" of "[::1]:8080", in lower case; "" unless it is a name or an
/// address, then nothing or a port (RFC 9110, section 7.2).
std::string host_of(std::string host) {
  std::transform(host.begin(), host.end(), host.begin(), [](unsigned char c) { return std::tolower(c); });
  const bool bracketed = host.starts_with('[');
  const size_t end = bracketed ? host.find(']') : std::min(host.find(':'), host.size());
  if (end == std::string::npos) return "";
  const std::string name = bracketed ? host.substr(1, end - 1) : host.substr(0, end);
  const std::string rest = host.substr(bracketed ? end + 1 : end);
  constexpr size_t longest_port = 6;  // with its colon
  const bool port = rest.empty() || (rest[0] == ':' && rest.size() <= longest_port &&
                                     rest.find_first_not_of("0123456789", 1) == std::string::npos);
  const char* letters = bracketed ? "0123456789abcdef:." : "abcdefghijklmnopqrstuvwxyz0123456789.-_";
  if (!port || name.empty() || name.find_first_not_of(letters) != std::string::npos) return "";
  unsigned char bytes[16];
  if (bracketed && inet_pton(AF_INET6, name.c_str(), bytes) != 1) return "";
  return name;
}

/// Takes the same time wherever the two differ.
bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

bool cookie_holds(std::string_view cookies, const std::string& token) {
  while (!cookies.empty()) {
    const size_t end = std::min(cookies.find(';'), cookies.size());
    std::string_view cookie = cookies.substr(0, end);
    while (!cookie.empty() && cookie[0] == ' ') cookie.remove_prefix(1);
    const std::string start = std::string(cookie_name) + "=";
    if (cookie.substr(0, start.size()) == start && same_secret(cookie.substr(start.size()), token))
      return true;
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
  }
  return false;
}

/// The same target without its token.
std::string without_token(const HttpRequest& request) {
  const size_t question = request.target.find('?');
  std::string target = request.target.substr(0, question), separator = "?";
  std::string_view query = std::string_view(request.target).substr(question + 1);
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.substr(0, 6) == "token=" || pair.empty()) continue;
    target += separator + std::string(pair);
    separator = "&";
  }
  // "//host" would be another site's address.
  return "/" + target.substr(std::min(target.find_first_not_of('/'), target.size()));
}

/// For scripts an error like any other; a person who typed the address into a browser gets a page to read.
HttpResponse want_token(const HttpRequest& request) {
  constexpr const char* sentence =
      "This server wants its token: open the whole address that 'dvi serve' printed";
  HttpResponse response = error_response(401, sentence);
  if (request.header("accept").find("text/html") == std::string::npos) return response;
  response.content_type = "text/html; charset=utf-8";
  response.body = std::make_shared<const std::string>(fmt::format(
      "<!doctype html><html lang=\"en\"><title>DeepVisualInsight</title><h1>Nothing is shown yet</h1>"
      "<p>{}: it ends in <code>?token=</code> and 32 characters. This browser then remembers it.</p>"
      "</html>",
      sentence));
  return response;
}

std::optional<HttpResponse> check_token(const Access& access, const HttpRequest& request) {
  if (access.token.empty()) return std::nullopt;
  if (const auto given = request.query.find("token");
      given != request.query.end() && same_secret(given->second, access.token)) {
    HttpResponse response;
    response.status = 303;
    response.body = std::make_shared<const std::string>();
    response.headers["Location"] = access.base_path + without_token(request);
    response.headers["Set-Cookie"] = fmt::format("{}={}; Path={}/; HttpOnly; SameSite=Lax; Max-Age=31536000",
                                                 cookie_name, access.token, access.base_path);
    return response;
  }
  const std::string& authorization = request.header("authorization");
  if (authorization.substr(0, 7) == "Bearer " && same_secret(authorization.substr(7), access.token))
    return std::nullopt;
  if (cookie_holds(request.header("cookie"), access.token)) return std::nullopt;
  return want_token(request);
}

}  // namespace

Access Access::for_address(const std::string& address, bool frames,
                           const std::optional<std::string>& base_path) {
  Access access;
  access.frames = frames;
  access.names = {"localhost"};
  if (base_path) {
    HttpRequest parsed;
    if (!parse_target(*base_path, parsed) || base_path->find_first_of("?#;, \"") != std::string::npos)
      fail(
          "--base-path: expected the path where a proxy shows this server, like /user/ann/proxy/8321/, found "
          "\"{}\"",
          *base_path);
    access.proxied = true;
    access.base_path = base_path->substr(0, base_path->find_last_not_of('/') + 1);
  }
  if ((address == "::1" || address.substr(0, 4) == "127.") && !access.proxied) return access;
  unsigned char secret[16];
  if (getrandom(secret, sizeof secret, 0) != sizeof secret)
    fail("--host: no random numbers for a token to be had");
  for (const unsigned char byte : secret) access.token += fmt::format("{:02x}", byte);
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) == 0) access.names.insert(host_of(name));
  return access;
}

std::optional<HttpResponse> refuse(const Access& access, const HttpRequest& request) {
  const std::string& host = request.header("host");
  if (const std::string name = host_of(host);
      !access.proxied && !is_address(name) && !access.names.contains(name))
    return error_response(403,
                          "This server answers only to its own address, not to the Host of this request");
  if (request.method != "GET" && request.method != "HEAD") {
    if (request.method != "POST" && request.method != "DELETE")
      return error_response(405, "This server knows GET, HEAD, POST and DELETE only");
    const std::string& origin = request.header("origin");
    const auto is_origin = [&](const std::string& name) {
      return origin == "http://" + name || origin == "https://" + name;
    };
    const bool own = is_origin(host) || (access.proxied && is_origin(request.header("x-forwarded-host")));
    if (!origin.empty() && !own)
      return error_response(403, "Only the viewer's own page may change something here");
    const std::string& type = request.header("content-type");
    if (type != "application/json" && type.substr(0, 17) != "application/json;")
      return error_response(415, "Send Content-Type: application/json");
  }
  return check_token(access, request);
}

HttpRequest without_base_path(const Access& access, HttpRequest request) {
  const std::string prefix = access.base_path + "/";
  if (access.base_path.empty() || request.target.substr(0, prefix.size()) != prefix) return request;
  HttpRequest shorter = request;
  shorter.path.clear();
  shorter.query.clear();
  return parse_target(request.target.substr(access.base_path.size()), shorter) ? shorter : request;
}

void add_security_headers(const Access& access, HttpResponse& response) {
  // blob: is for pictures and videos that the page makes to be saved, and its worker.
  const std::string ancestors =
      access.frames ? "'self' http://localhost:* http://127.0.0.1:* vscode-webview:" : "'self'";
  response.headers["Content-Security-Policy"] =
      "default-src 'none'; script-src 'self'; worker-src 'self' blob:; style-src 'self'; img-src 'self' "
      "blob: data:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
      "base-uri 'none'; "
      "form-action 'none'; frame-ancestors " +
      ancestors;
  if (!access.frames) response.headers["X-Frame-Options"] = "SAMEORIGIN";
  response.headers["X-Content-Type-Options"] = "nosniff";
  response.headers["Referrer-Policy"] = "no-referrer";
  response.headers["Cross-Origin-Resource-Policy"] = "same-origin";
  response.headers["Cross-Origin-Opener-Policy"] = "same-origin";
}

}  // namespace dvi
