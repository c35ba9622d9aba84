#include "server/http.h"

#include <algorithm>

#include "core/file.h"
#include "core/sentence.h"

namespace dvi {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool percent_decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return true;
}

bool is_plain_segment(const std::string& segment) {
  return segment != "." && segment != ".." && std::none_of(segment.begin(), segment.end(), [](char c) {
           return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 32;
         });
}

}  // namespace

const std::string& HttpRequest::header(const std::string& name) const {
  static const std::string none;
  const auto found = headers.find(name);
  return found == headers.end() ? none : found->second;
}

bool parse_target(std::string_view target, HttpRequest& request) {
  if (target.empty() || target[0] != '/') return false;
  request.target = target;
  const size_t question = std::min(target.find('?'), target.size());
  std::string_view path = target.substr(1, question - 1);
  std::string segment;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (!percent_decode(path.substr(0, slash), false, segment) || !is_plain_segment(segment)) return false;
    if (!segment.empty()) request.path.push_back(segment);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  std::string_view query = target.substr(std::min(question + 1, target.size()));
  std::string key, value;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    if (!percent_decode(pair.substr(0, equals), true, key)) return false;
    if (!percent_decode(pair.substr(std::min(equals + 1, pair.size())), true, value)) return false;
    request.query[key] = value;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return true;
}

HttpResponse error_response(int status, const std::string& sentence) {
  HttpResponse response;
  response.status = status;
  response.body = std::make_shared<const std::string>(
      Json{{"error", sentence}}.dump(-1, ' ', false, Json::error_handler_t::replace));
  return response;
}

HttpResponse answer_of(const HttpHandler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (const HttpError& error) {
    return error_response(error.status(), error.what());
  } catch (const std::bad_alloc& error) {
    return error_response(503, sentence_of(error));
  } catch (const std::exception& error) {
    return error_response(500, sentence_of(error));
  }
}

}  // namespace dvi
