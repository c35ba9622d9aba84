#include "server/access.h"

#include <gmock/gmock.h>

namespace dvi {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

HttpRequest request(const std::string& method, const std::string& target,
                    std::map<std::string, std::string> headers = {}) {
  HttpRequest made;
  made.method = method;
  EXPECT_TRUE(parse_target(target, made));
  made.headers = std::move(headers);
  return made;
}

int status(const Access& access, const HttpRequest& asked) {
  const auto refused = refuse(access, asked);
  return refused ? refused->status : 200;
}

const Access loopback = Access::for_address("127.0.0.1", false);

TEST(Access, AnswersToItsOwnNamesOnly) {
  for (const char* host : {"127.0.0.1:8321", "localhost:8321", "LOCALHOST", "[::1]:8321", "192.168.1.5:80"})
    EXPECT_EQ(status(loopback, request("GET", "/", {{"host", host}})), 200) << host;
  for (const char* host : {"evil.example",
                           "localhost.evil.example:8321",
                           "127.0.0.1.evil.example",
                           "",
                           "evil.example:127.0.0.1",
                           "[::1",
                           "localhost@evil.example",
                           "evil.example#localhost",
                           "[::1].evil.example",
                           "[::1]evil",
                           "[::1]:80.evil",
                           "localhost:80@evil.example",
                           "localhost:80:80",
                           "localhost:http",
                           "localhost:123456",
                           "localhost/",
                           " localhost",
                           "[localhost]",
                           "[127.0.0.1]:80",
                           "[fe80::1%25eth0]",
                           "127.0.0.1:80#@evil.example",
                           "localhost\t",
                           "::1"})
    EXPECT_EQ(status(loopback, request("GET", "/", {{"host", host}})), 403) << host;
  EXPECT_EQ(status(loopback, request("GET", "/", {})), 403);
}

TEST(Access, OnlyItsOwnPageMayChangeThings) {
  const auto post = [](std::map<std::string, std::string> more) {
    more.emplace("host", "localhost:8321");
    return status(loopback, request("POST", "/api/runs/0/selections", more));
  };
  EXPECT_EQ(post({{"content-type", "application/json"}}), 200);
  EXPECT_EQ(post({{"content-type", "application/json; charset=utf-8"}, {"origin", "http://localhost:8321"}}),
            200);
  // What a form or a script of another site can send:
  for (const char* type :
       {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonp"})
    EXPECT_EQ(post({{"content-type", type}}), 415) << type;
  for (const char* origin : {"http://evil.example", "http://localhost:9999", "null",
                             "http://localhost:8321.evil.example", "file://", "http://127.0.0.1:8321"})
    EXPECT_EQ(post({{"content-type", "application/json"}, {"origin", origin}}), 403) << origin;
}

TEST(Access, OtherMethodsAreUnknown) {
  for (const char* method : {"PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get"})
    EXPECT_EQ(status(loopback, request(method, "/", {{"host", "localhost"}})), 405) << method;
}

TEST(Access, NoTokenOnLoopback) {
  EXPECT_EQ(loopback.token, "");
  EXPECT_EQ(Access::for_address("::1", false).token, "");
  EXPECT_EQ(Access::for_address("127.0.0.7", false).token, "");
}

class WithToken : public ::testing::Test {
 protected:
  int ask(const std::string& target, std::map<std::string, std::string> more = {}) {
    more.emplace("host", "192.168.1.5:8321");
    return status(access_, request("GET", target, more));
  }
  Access access_ = Access::for_address("0.0.0.0", false);
};

TEST_F(WithToken, NothingWithoutIt) {
  EXPECT_EQ(access_.token.size(), 32u);
  EXPECT_NE(access_.token, Access::for_address("0.0.0.0", false).token);
  const std::string near = access_.token.substr(0, 31) + (access_.token.back() == '0' ? "1" : "0");
  for (const std::string& target : {std::string("/"), std::string("/api/runs"), std::string("/?token="),
                                    "/?token=" + near, "/?token=" + access_.token.substr(0, 31),
                                    "/?token=" + access_.token + "0", "/?Token=" + access_.token})
    EXPECT_EQ(ask(target), 401) << target;
  EXPECT_EQ(ask("/", {{"cookie", "dvi_token="}}), 401);
  EXPECT_EQ(ask("/", {{"cookie", "dvi_token=" + near}}), 401);
  EXPECT_EQ(ask("/", {{"cookie", "other=" + access_.token}}), 401);
  EXPECT_EQ(ask("/", {{"cookie", "xdvi_token=" + access_.token}}), 401);
  EXPECT_EQ(ask("/", {{"authorization", "Bearer "}}), 401);
}

TEST_F(WithToken, ABrowserWithoutItIsToldWhatToDo) {
  const auto page = refuse(
      access_, request("GET", "/", {{"host", "10.0.0.1"}, {"accept", "text/html,application/xhtml+xml"}}));
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->status, 401);
  EXPECT_THAT(page->content_type, HasSubstr("text/html"));
  EXPECT_THAT(*page->body, AllOf(HasSubstr("open the whole address"), Not(HasSubstr(access_.token))));
  const auto script = refuse(access_, request("GET", "/api/runs", {{"host", "10.0.0.1"}, {"accept", "*/*"}}));
  EXPECT_EQ(script->content_type, "application/json");
}

TEST_F(WithToken, TheAddressSetsACookieAndDropsTheToken) {
  const auto answer =
      refuse(access_, request("GET", "/?epoch=3&token=" + access_.token + "&view=a", {{"host", "10.0.0.1"}}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 303);
  EXPECT_EQ(answer->headers.at("Location"), "/?epoch=3&view=a");
  EXPECT_THAT(answer->headers.at("Set-Cookie"), AllOf(HasSubstr("HttpOnly"), HasSubstr("SameSite=Lax")));
  EXPECT_EQ(ask("/api/runs", {{"cookie", "a=b; dvi_token=" + access_.token + "; c=d"}}), 200);
  EXPECT_EQ(ask("/api/runs", {{"authorization", "Bearer " + access_.token}}), 200);
}

TEST_F(WithToken, ItsRedirectStaysHere) {
  const auto answer =
      refuse(access_, request("GET", "//evil.example/?token=" + access_.token, {{"host", "10.0.0.1"}}));
  EXPECT_EQ(answer->headers.at("Location"), "/evil.example/");
}

TEST(Access, FramesOnlyWhereWanted) {
  HttpResponse plain, framed;
  add_security_headers(loopback, plain);
  EXPECT_THAT(plain.headers["Content-Security-Policy"],
              AllOf(HasSubstr("frame-ancestors 'self'"), Not(HasSubstr("unsafe"))));
  EXPECT_EQ(plain.headers["Content-Security-Policy"].find("localhost"), std::string::npos);
  add_security_headers(Access::for_address("127.0.0.1", true), framed);
  EXPECT_THAT(framed.headers["Content-Security-Policy"], HasSubstr("http://localhost:*"));
}

TEST(Proxied, TheTokenDecidesWhateverTheHostIs) {
  const Access access = Access::for_address("127.0.0.1", true, "/user/ann/proxy/8321/");
  EXPECT_EQ(access.base_path, "/user/ann/proxy/8321");
  ASSERT_EQ(access.token.size(), 32u);
  EXPECT_EQ(status(access, request("GET", "/", {{"host", "hub.example"}})), 401);
  const std::string cookie = "dvi_token=" + access.token;
  EXPECT_EQ(status(access, request("GET", "/", {{"host", "hub.example"}, {"cookie", cookie}})), 200);
  const auto entry = refuse(access, request("GET", "/?token=" + access.token, {{"host", "hub.example"}}));
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->headers.at("Location"), "/user/ann/proxy/8321/");
  EXPECT_THAT(entry->headers.at("Set-Cookie"), HasSubstr("Path=/user/ann/proxy/8321/;"));
}

TEST(Proxied, ChangesComeFromThePageThatTheProxyShows) {
  const Access access = Access::for_address("127.0.0.1", true, "/");
  const std::string cookie = "dvi_token=" + access.token;
  const auto post = [&](const std::string& host, const std::string& forwarded, const std::string& origin) {
    return status(access, request("POST", "/api/x",
                                  {{"host", host},
                                   {"x-forwarded-host", forwarded},
                                   {"origin", origin},
                                   {"cookie", cookie},
                                   {"content-type", "application/json"}}));
  };
  EXPECT_EQ(post("127.0.0.1:8321", "hub.example", "https://hub.example"), 200);
  EXPECT_EQ(post("hub.example", "", "https://hub.example"), 200);
  EXPECT_EQ(post("127.0.0.1:8321", "hub.example", "https://evil.example"), 403);
}

TEST(Proxied, TheBasePathMayComeWithTheRequestOrNot) {
  const Access access = Access::for_address("127.0.0.1", false, "/a/b");
  const auto path_of = [&](const std::string& target) {
    return without_base_path(access, request("GET", target)).path;
  };
  EXPECT_THAT(path_of("/a/b/api/runs?x=1"), testing::ElementsAre("api", "runs"));
  EXPECT_THAT(path_of("/api/runs"), testing::ElementsAre("api", "runs"));
  EXPECT_THAT(path_of("/a/bc"), testing::ElementsAre("a", "bc"));
  EXPECT_TRUE(path_of("/a/b/").empty());
  EXPECT_EQ(without_base_path(access, request("GET", "/a/b/?token=7")).query.at("token"), "7");
  EXPECT_THROW(Access::for_address("127.0.0.1", false, "a/b"), Error);
  EXPECT_THROW(Access::for_address("127.0.0.1", false, "/a/../b"), Error);
}

}  // namespace
}  // namespace dvi
