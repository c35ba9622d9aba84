#include "server/encoding.h"

#include <zlib.h>

#include <cstring>

#include "core/error.h"

namespace dvi {
namespace {

constexpr int gzip_window = 15 + 16;  // zlib: 16 more means a gzip wrapper

/// Whether `list` ("a, b;q=0.5") names `word` without q=0.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    while (!item.empty() && item[0] == ' ') item.remove_prefix(1);
    if (item.substr(0, word.size()) != word) continue;
    const std::string_view rest = item.substr(word.size());
    if (rest.empty() || rest[0] == ' ' || rest[0] == ';')
      return rest.find("q=0") == std::string_view::npos || rest.find("q=0.") != std::string_view::npos;
  }
  return false;
}

}  // namespace

std::string gzip(std::string_view bytes, int level) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, gzip_window, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    fail("gzip: out of memory");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string gunzip(std::string_view bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, gzip_window) != Z_OK) fail("gunzip: out of memory");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int status = Z_OK;
  char chunk[65536];
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk);
    stream.avail_out = sizeof chunk;
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(chunk, sizeof chunk - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) fail("gunzip: expected a whole gzip stream, found a damaged one");
  return out;
}

std::string etag_of(std::string_view bytes) {
  // Two 64-bit lanes of multiply and rotate over 8 bytes at a time: no defence against forgery is needed
  // here.
  uint64_t a = 0x9E3779B97F4A7C15ull ^ bytes.size(), b = 0xC2B2AE3D27D4EB4Full;
  size_t i = 0;
  const auto mix = [&](uint64_t word) {
    a = (a ^ word) * 0xff51afd7ed558ccdull;
    a = (a << 29) | (a >> 35);
    b = (b + word) * 0xc4ceb9fe1a85ec53ull;
    b ^= b >> 31;
  };
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    mix(word);
  }
  uint64_t tail = 0;
  std::memcpy(&tail, bytes.data() + i, bytes.size() - i);
  mix(tail);
  mix(0);
  return fmt::format("\"{:016x}{:016x}\"", a, b);
}

void prepare(HttpResponse& response) {
  if (!response.body || response.event_stream) return;
  const std::string_view body = *response.body;
  if (response.etag.empty()) response.etag = etag_of(body);
  constexpr size_t least = 1024, sample = 64 << 10;
  if (response.gzipped || body.size() < least || response.content_type == "image/png") return;
  if (body.size() > 2 * sample &&
      gzip(body.substr(body.size() / 2 - sample / 2, sample), 1).size() > sample * 9 / 10)
    return;
  std::string compressed = gzip(body, body.size() > (1 << 20) ? 1 : 5);
  if (compressed.size() < body.size() * 9 / 10)
    response.gzipped = std::make_shared<const std::string>(std::move(compressed));
}

HttpResponse negotiate(HttpResponse response, const HttpRequest& request) {
  if (response.event_stream) {
    response.headers["Cache-Control"] = "no-store";
    return response;
  }
  prepare(response);
  switch (response.caching) {
    case Caching::none:
      response.headers["Cache-Control"] = "no-store";
      break;
    case Caching::check:
      response.headers["Cache-Control"] = "no-cache";
      break;
    case Caching::immutable:
      response.headers["Cache-Control"] = "private, max-age=31536000, immutable";
      break;
  }
  if (!response.etag.empty() && response.status == 200) response.headers["ETag"] = response.etag;
  response.headers["Vary"] = "Accept-Encoding";
  const bool reading = request.method == "GET" || request.method == "HEAD";
  const std::string& known = request.header("if-none-match");
  if (reading && response.status == 200 && !known.empty() && !response.etag.empty() &&
      (known == "*" || known.find(response.etag) != std::string::npos)) {
    response.status = 304;
    response.body = nullptr;
    return response;
  }
  if (response.gzipped && lists(request.header("accept-encoding"), "gzip")) {
    response.body = response.gzipped;
    response.headers["Content-Encoding"] = "gzip";
  } else if (!response.body && response.gzipped) {
    response.body = std::make_shared<const std::string>(gunzip(*response.gzipped));
  }
  return response;
}

}  // namespace dvi
