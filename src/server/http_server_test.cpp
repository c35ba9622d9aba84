#include "server/http_server.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "run/testing/test_run.h"
#include "server/testing/http_client.h"

namespace dvi {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

HttpResponse text_response(const std::string& text) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = std::make_shared<const std::string>(text);
  return response;
}

HttpResponse echo(const HttpRequest& request) {
  if (request.path == std::vector<std::string>{"throw"}) fail("a sentence");
  if (request.path == std::vector<std::string>{"slow"})
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  if (request.path == std::vector<std::string>{"events"}) {
    HttpResponse response = text_response("event: first\ndata: 1\n\n");
    response.content_type = "text/event-stream";
    response.event_stream = true;
    return response;
  }
  std::string text = request.method;
  for (const auto& segment : request.path) text += " " + segment;
  return text_response(text + " " + request.body);
}

double seconds_of(const std::function<void()>& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST(HttpServer, AnswersOnAPortItPicks) {
  HttpServer server({}, echo);
  EXPECT_NE(server.port(), 0);
  HttpClient client(server.port());
  const auto answer = client.get("/a/b%20c?x=1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "GET a b c ");
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain");
  EXPECT_EQ(client.request("POST", "/p", {{"Content-Type", "text/plain"}}, "hello").body, "POST p hello");
}

TEST(HttpServer, HeadHasTheLengthAndNoBody) {
  HttpServer server({}, echo);
  HttpClient client(server.port());
  const auto answer = client.request("HEAD", "/abc");
  EXPECT_EQ(answer.headers.at("content-length"), "9");
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(client.get("/abc").body, "GET abc ");  // and the connection goes on
}

TEST(HttpServer, ThirtyIdleClientsDoNotDelayTheNext) {
  HttpServer server({}, echo);
  std::vector<std::unique_ptr<HttpClient>> idle;
  for (int i = 0; i < 30; ++i) {
    idle.push_back(std::make_unique<HttpClient>(server.port()));
    EXPECT_EQ(idle.back()->get("/warm").status, 200);
  }
  HttpClient next(server.port());
  EXPECT_LT(seconds_of([&] { EXPECT_EQ(next.get("/now").status, 200); }), 0.2);
  EXPECT_EQ(idle[3]->get("/again").status, 200);
}

TEST(HttpServer, SlowAnswersDoNotDelayOthers) {
  HttpServerOptions options;
  options.handler_threads = 2;
  HttpServer server(options, echo);
  HttpClient slow(server.port()), quick(server.port());
  slow.send("GET", "/slow");
  EXPECT_LT(seconds_of([&] { quick.get("/now"); }), 0.2);
  EXPECT_EQ(slow.receive().status, 200);
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  HttpServer server({}, echo);
  HttpClient client(server.port());
  client.send("GET", "/slow");
  client.send("GET", "/second");
  EXPECT_EQ(client.receive().body, "GET slow ");
  EXPECT_EQ(client.receive().body, "GET second ");
}

TEST(HttpServer, AHandlersErrorIsASentence) {
  HttpServer server({}, echo);
  const auto answer = HttpClient(server.port()).get("/throw");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, R"({"error":"a sentence"})");
}

TEST(HttpServer, APortInUseIsOneSentence) {
  HttpServer server({}, echo);
  HttpServerOptions options;
  options.port = server.port();
  EXPECT_THAT(error_of([&] { HttpServer(options, echo); }),
              AllOf(StartsWith("port " + std::to_string(server.port())), HasSubstr("already in use")));
  options.address = "nonsense";
  EXPECT_THAT(error_of([&] { HttpServer(options, echo); }), HasSubstr("numeric address"));
}

TEST(HttpServer, LongHeadersAndBodiesAreRefused) {
  HttpServerOptions options;
  options.body_limit = 1 << 20;
  HttpServer server(options, echo);
  EXPECT_EQ(HttpClient(server.port()).get("/" + std::string(20000, 'a')).status, 431);
  EXPECT_EQ(HttpClient(server.port()).request("POST", "/", {}, std::string(2 << 20, 'a')).status, 413);
  EXPECT_EQ(HttpClient(server.port()).request("POST", "/", {}, std::string(1 << 19, 'a')).status, 200);
}

TEST(HttpServer, NonsenseIsRefused) {
  HttpServer server({}, echo);
  for (const char* request :
       {"nonsense\r\n\r\n", "GET /../secret HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%2e%2e/secret HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a%5cb HTTP/1.1\r\nHost: a\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"}) {
    HttpClient client(server.port());
    client.send_raw(request);
    EXPECT_EQ(client.receive().status, 400) << request;
  }
  EXPECT_EQ(HttpClient(server.port()).get("/still").status, 200);
}

TEST(HttpServer, AClientThatNeverEndsItsRequestIsDropped) {
  HttpServerOptions options;
  options.receive_seconds = 0.3;
  options.idle_seconds = 0.3;
  HttpServer server(options, echo);
  HttpClient half(server.port()), silent(server.port());
  half.send_raw("GET / HTTP/1.1\r\nHos");
  EXPECT_LT(seconds_of([&] { EXPECT_TRUE(half.closed_by_server()); }), 2);
  EXPECT_TRUE(silent.closed_by_server());
}

TEST(HttpServer, SilentConnectionsMakeRoomForOthers) {
  HttpServerOptions options;
  options.most_connections = 20;
  HttpServer server(options, echo);
  HttpClient busy(server.port());
  busy.send("GET", "/slow");
  std::vector<std::unique_ptr<HttpClient>> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<HttpClient>(server.port()));
    if (i % 2 == 1) silent.back()->send_raw("GET / HTTP/1.1\r\nHos");
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(HttpClient(server.port()).get("/").status, 200);
  EXPECT_TRUE(silent.front()->closed_by_server());
  EXPECT_EQ(busy.receive().status, 200);  // whose answer was being made is let be
}

TEST(HttpServer, OnlyWhereAllAreBusyNewConnectionsAreClosed) {
  HttpServerOptions options;
  options.most_connections = 2;
  HttpServer server(options, echo);
  HttpClient first(server.port()), second(server.port());
  first.send("GET", "/slow");
  second.send("GET", "/slow");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  HttpClient third(server.port());
  EXPECT_TRUE(third.closed_by_server());
  EXPECT_EQ(first.receive().status, 200);
}

TEST(HttpServer, BodiesComeOnlyFromThoseThatAreAdmitted) {
  HttpHandlers handlers;
  handlers.answer = echo;
  handlers.admit = [](const HttpRequest& request) -> std::optional<HttpResponse> {
    if (request.header("host") == "good") return std::nullopt;
    return error_response(403, "not you");
  };
  handlers.finish = [](HttpResponse& response) { response.headers["X-Finished"] = "yes"; };
  HttpServer server({}, std::move(handlers));
  const auto first_answer = [&](const std::string& bytes) {
    HttpClient client(server.port());
    client.send_raw(bytes);
    return client.receive();
  };
  // Refused at once, though not a byte of the body has come.
  EXPECT_EQ(first_answer("POST / HTTP/1.1\r\nHost: evil\r\nContent-Length: 1000000\r\n\r\n").status, 403);
  EXPECT_EQ(first_answer("POST / HTTP/1.1\r\nHost: evil\r\nTransfer-Encoding: chunked\r\n\r\n").status, 403);
  const auto chunked = first_answer("POST / HTTP/1.1\r\nHost: good\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(chunked.status, 411);
  EXPECT_EQ(chunked.headers.at("x-finished"), "yes");
  EXPECT_EQ(first_answer("GET / HTTP/1.1\r\nHost: good\r\nContent-Length: 5\r\n\r\nhello").status, 400);
  EXPECT_EQ(first_answer("POST / HTTP/1.1\r\nHost: good\r\nContent-Length: 5\r\n\r\nhello").body,
            "POST hello");
  for (const char* nonsense :
       {"nonsense\r\n\r\n", "GET /../a HTTP/1.1\r\nHost: good\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: good\r\nContent-Length: 99999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: good\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: good\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"}) {
    const auto answer = first_answer(nonsense);
    EXPECT_GE(answer.status, 400) << nonsense;
    EXPECT_EQ(answer.headers.at("x-finished"), "yes") << nonsense;
  }
  const auto too_long = first_answer("GET /" + std::string(100000, 'a'));
  EXPECT_EQ(too_long.status, 431);
  EXPECT_EQ(too_long.headers.at("x-finished"), "yes");
}

TEST(HttpServer, BodiesHaveOneBudget) {
  HttpServerOptions options;
  options.body_limit = 8 << 20;
  options.bodies_limit = 12 << 20;
  HttpServer server(options, echo);
  const std::string half(6 << 20, 'x');
  const std::string front = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n";
  {
    HttpClient first(server.port());
    first.send_raw(front + half);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    HttpClient second(server.port());
    second.send_raw(front + half);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    HttpClient third(server.port());
    third.send_raw(front + half);
    EXPECT_EQ(third.receive().status, 503);
    EXPECT_EQ(HttpClient(server.port()).get("/").status, 200);
  }
  // Given back when they are gone.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(HttpClient(server.port()).request("POST", "/", {}, half).status, 200);
}

TEST(HttpServer, ARequestThatDoesNotArriveInTimeIsToldSo) {
  HttpServerOptions options;
  options.receive_seconds = 0.3;
  HttpServer server(options, echo);
  for (const char* part :
       {"GET / HTTP/1.1\r\nHos", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"}) {
    HttpClient client(server.port());
    client.send_raw(part);
    EXPECT_EQ(client.receive().status, 408) << part;
  }
  // Before its first request a connection has no more time than that.
  HttpClient silent(server.port());
  EXPECT_LT(seconds_of([&] { EXPECT_TRUE(silent.closed_by_server()); }), 2);
}

TEST(HttpServer, SlowRequestsLeaveTheOthersTheirThreads) {
  std::atomic<int> running{0}, stopped{0};
  HttpHandlers handlers;
  handlers.answer = [&](const HttpRequest& request) {
    if (request.path.empty() || request.path[0] != "query") return text_response("quick");
    ++running;
    for (int i = 0; i < 500 && !request.stop.stop_requested(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (request.stop.stop_requested()) ++stopped;
    return text_response("slow");
  };
  handlers.slow = [](const HttpRequest& request) {
    return !request.path.empty() && request.path[0] == "query";
  };
  const double seconds = seconds_of([&] {
    std::vector<std::unique_ptr<HttpClient>> clients;  // outlive the server
    HttpServer server({}, std::move(handlers));
    for (int i = 0; i < 8; ++i) {
      clients.push_back(std::make_unique<HttpClient>(server.port()));
      clients.back()->send("GET", "/query");
      while (running < std::min(i + 1, 2)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(HttpClient(server.port()).get("/").body, "quick");
    EXPECT_EQ(running, 2);
    // Clients that leave take their requests with them, and so does the server's end.
    clients.erase(clients.begin(), clients.begin() + 2);
    while (running < 4) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(stopped, 2);
  });
  EXPECT_LT(seconds, 3);
  EXPECT_EQ(stopped, 4);
}

TEST(HttpServer, EventStreamsHaveTheirShare) {
  HttpServerOptions options;
  options.most_streams = 2;
  HttpServer server(options, echo);
  HttpClient first(server.port()), second(server.port()), third(server.port());
  for (HttpClient* client : {&first, &second}) {
    client->send("GET", "/events");
    client->receive_until("data: 1\n\n");
  }
  EXPECT_EQ(third.get("/events").status, 503);
}

TEST(HttpServer, EventStreams) {
  HttpServer server({}, echo);
  HttpClient client(server.port());
  client.send("GET", "/events");
  EXPECT_THAT(client.receive_until("data: 1\n\n"), HasSubstr("text/event-stream"));
  server.publish("event: view\ndata: {}\n\n");
  EXPECT_THAT(client.receive_until("data: {}\n\n"), HasSubstr("event: view"));
}

TEST(HttpServer, EndsWithOpenConnectionsAndRunningHandlers) {
  HttpClient* late = nullptr;
  {
    HttpServer server({}, echo);
    late = new HttpClient(server.port());
    late->send("GET", "/slow");
    HttpClient stream(server.port());
    stream.send("GET", "/events");
    stream.receive_until("data: 1\n\n");
  }
  EXPECT_TRUE(late->closed_by_server());
  delete late;
}

TEST(ParseTarget, DecodesQueries) {
  HttpRequest request;
  ASSERT_TRUE(parse_target("/x//y/?a=1%2C2&b=c+d&e&a=3", request));
  EXPECT_EQ(request.path, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(request.query, (std::map<std::string, std::string>{{"a", "3"}, {"b", "c d"}, {"e", ""}}));
}

}  // namespace
}  // namespace dvi
