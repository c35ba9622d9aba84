#include "server/encoding.h"

#include <gmock/gmock.h>

#include "core/random.h"
#include "run/testing/test_run.h"
#include "server/response_cache.h"

namespace dvi {
namespace {

std::string noise(size_t bytes) {
  Random random(3);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

HttpResponse response_of(const std::string& body) {
  HttpResponse response;
  response.body = std::make_shared<const std::string>(body);
  return response;
}

HttpRequest get(std::map<std::string, std::string> headers) {
  HttpRequest request;
  request.method = "GET";
  request.headers = std::move(headers);
  return request;
}

TEST(Encoding, GzipSurvives) {
  for (const std::string& text : {std::string(), std::string("a"), std::string(300000, 'x'), noise(200000)})
    EXPECT_EQ(gunzip(gzip(text, 1)), text);
  EXPECT_NE(error_of([] { gunzip("nonsense"); }), "");
  EXPECT_NE(error_of([] { gunzip(gzip(std::string(1000, 'x'), 1).substr(0, 10)); }), "");
}

TEST(Encoding, TagsTellContentApart) {
  const std::string text = noise(1000);
  EXPECT_EQ(etag_of(text), etag_of(text));
  std::set<std::string> tags = {etag_of(""), etag_of(std::string(1, '\0')), etag_of(std::string(8, '\0')),
                                etag_of(text)};
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    tags.insert(etag_of(changed));
  }
  EXPECT_EQ(tags.size(), 1004u);
}

TEST(Encoding, CompressesWhereAcceptedAndWorthwhile) {
  const std::string text(5000, 'x');
  const auto compressed = negotiate(response_of(text), get({{"accept-encoding", "br, gzip;q=0.8"}}));
  EXPECT_EQ(compressed.headers.at("Content-Encoding"), "gzip");
  EXPECT_EQ(gunzip(*compressed.body), text);
  for (const char* accepted : {"", "br", "gzip;q=0", "gzipx", "identity"}) {
    const auto plain = negotiate(response_of(text), get({{"accept-encoding", accepted}}));
    EXPECT_FALSE(plain.headers.contains("Content-Encoding")) << accepted;
    EXPECT_EQ(*plain.body, text);
  }
  for (const std::string& not_worth : {noise(300000), std::string("short")})
    EXPECT_FALSE(negotiate(response_of(not_worth), get({{"accept-encoding", "gzip"}}))
                     .headers.contains("Content-Encoding"));
}

TEST(Encoding, WhatIsStoredCompressedIsInflatedForOthers) {
  HttpResponse response;
  response.gzipped = std::make_shared<const std::string>(gzip("hello", 9));
  EXPECT_EQ(*negotiate(response, get({})).body, "hello");
}

TEST(Encoding, NotModified) {
  const auto first = negotiate(response_of("text"), get({}));
  const std::string tag = first.headers.at("ETag");
  EXPECT_EQ(negotiate(response_of("text"), get({{"if-none-match", tag}})).status, 304);
  EXPECT_EQ(negotiate(response_of("text"), get({{"if-none-match", "W/" + tag + ", \"b\""}})).status, 304);
  EXPECT_EQ(negotiate(response_of("other"), get({{"if-none-match", tag}})).status, 200);
  HttpRequest post = get({{"if-none-match", tag}});
  post.method = "POST";
  EXPECT_EQ(negotiate(response_of("text"), post).status, 200);
}

TEST(ResponseCache, KeepsTheLatestUpToItsSize) {
  ResponseCache cache(25000);
  int made = 0;
  const auto make = [&] {
    ++made;
    return response_of(noise(10000));
  };
  cache.get("a", make);
  cache.get("b", make);
  cache.get("a", make);
  EXPECT_EQ(made, 2);
  cache.get("c", make);  // b goes
  cache.get("a", make);
  EXPECT_EQ(made, 3);
  cache.get("b", make);
  EXPECT_EQ(made, 4);
  EXPECT_LE(cache.bytes(), 25000u);
  EXPECT_NE(error_of([&] { cache.get("d", []() -> HttpResponse { fail("no"); }); }), "");
}

}  // namespace
}  // namespace dvi
