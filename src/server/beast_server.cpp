// HttpServer on Boost.Beast; the only file that includes it.
#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <optional>
#include <set>
#include <thread>

#include "server/http_server.h"

namespace dvi {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using std::chrono::duration;
using std::chrono::duration_cast;
using std::chrono::steady_clock;

steady_clock::duration seconds(double s) {
  return duration_cast<steady_clock::duration>(duration<double>(s));
}

/// The body of an answer without copying: a shared string.
struct SharedBody {
  using value_type = std::shared_ptr<const std::string>;
  static uint64_t size(const value_type& body) { return body ? body->size() : 0; }
  class writer {
   public:
    using const_buffers_type = asio::const_buffer;
    template <bool isRequest, class Fields>
    writer(const http::header<isRequest, Fields>&, const value_type& body) : body_(body) {}
    void init(beast::error_code& error) { error = {}; }
    boost::optional<std::pair<const_buffers_type, bool>> get(beast::error_code& error) {
      error = {};
      if (!body_) return boost::none;
      return {{const_buffers_type(body_->data(), body_->size()), false}};
    }

   private:
    const value_type& body_;
  };
};

class Session;

}  // namespace

struct HttpServer::Implementation {
  Implementation(const HttpServerOptions& o, HttpHandler h)
      : options(o),
        handler(std::move(h)),
        handlers(static_cast<size_t>(o.handler_threads)),
        acceptor(sockets) {}

  void listen();
  void accept();

  HttpServerOptions options;
  HttpHandler handler;
  std::set<Session*> sessions, streams;  // only touched by `thread`; outlive whatever still holds a session
  asio::io_context sockets{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{sockets.get_executor()};
  asio::thread_pool handlers;
  tcp::acceptor acceptor;
  std::thread thread;
};

namespace {

using Server = HttpServer::Implementation;

/// One connection. All of it runs in the server's socket thread, but for the handler.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Server& server, tcp::socket socket)
      : server_(server), stream_(std::move(socket)), heartbeat_(server.sockets) {
    server_.sessions.insert(this);
  }
  ~Session() {
    server_.sessions.erase(this);
    server_.streams.erase(this);
  }

  void wait_for_request() {
    if (buffer_.size() > 0) return read();
    // Idle until the first byte; only then does the clock of a request start.
    stream_.expires_after(seconds(server_.options.idle_seconds));
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = shared_from_this()](beast::error_code error, size_t bytes) {
                              if (error) return self->close();
                              self->buffer_.commit(bytes);
                              self->read();
                            });
  }

  void close() {
    heartbeat_.cancel();
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.close();
  }

  void send_event(std::shared_ptr<const std::string> event) {
    // A client that does not read is dropped rather than buffered for.
    constexpr size_t most_waiting = 1000;
    if (events_.size() >= most_waiting) return close();
    events_.push_back(std::move(event));
    if (events_.size() == 1) write_events();
  }

 private:
  void read() {
    parser_.emplace();
    parser_->header_limit(server_.options.header_limit);
    parser_->body_limit(server_.options.body_limit);
    stream_.expires_after(seconds(server_.options.receive_seconds));
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->on_request(error); });
  }

  void on_request(beast::error_code error) {
    if (error == http::error::header_limit)
      return refuse(431, "The request's headers are too long; ask for fewer ids at once");
    if (error == http::error::body_limit)
      return refuse(413, "The request's body is too long; send fewer ids at once");
    if (error.category() == http::make_error_code(http::error::end_of_stream).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message)
      return refuse(400, "The request is no valid HTTP");
    if (error) return close();
    const auto& message = parser_->get();
    auto request = std::make_shared<HttpRequest>();
    request->method = std::string(message.method_string());
    request->body = std::move(parser_->get().body());
    for (const auto& field : message) {
      std::string name(field.name_string());
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      const auto [known, fresh] = request->headers.emplace(std::move(name), field.value());
      // Two values of one header are how requests are smuggled past checks.
      if (!fresh && known->first == "host") return refuse(400, "The request names more than one Host");
    }
    keep_alive_ = message.keep_alive();
    version_ = message.version() == 10 ? 10 : 11;
    head_ = message.method() == http::verb::head;
    if (!parse_target({message.target().data(), message.target().size()}, *request))
      return refuse(400, "The request's path is not valid");
    stream_.expires_never();
    // The session is handed back, so that it never ends in a handler's thread.
    asio::post(server_.handlers, [self = shared_from_this(), request]() mutable {
      auto response = std::make_shared<HttpResponse>(answer_of(self->server_.handler, *request));
      auto& sockets = self->server_.sockets;
      asio::post(sockets, [self = std::move(self), response] { self->send(*response); });
    });
  }

  void refuse(int status, const std::string& sentence) {
    keep_alive_ = false;
    send(error_response(status, sentence));
  }

  void send(const HttpResponse& response) {
    if (!stream_.socket().is_open()) return;
    message_.emplace();
    message_->result(static_cast<unsigned>(response.status));
    message_->version(version_);
    for (const auto& [name, value] : response.headers) message_->set(name, value);
    message_->set(http::field::content_type, response.content_type);
    stream_.expires_after(seconds(server_.options.send_seconds));
    if (response.event_stream && !head_) return send_stream_header(response);
    message_->keep_alive(keep_alive_);
    const uint64_t length = SharedBody::size(response.body);
    if (!head_ && response.status != 304) message_->body() = response.body;
    if (response.status != 304) message_->content_length(length);
    serializer_.emplace(*message_);
    http::async_write(stream_, *serializer_, [self = shared_from_this()](beast::error_code error, size_t) {
      if (error) return self->close();
      if (!self->keep_alive_) return self->part();
      self->wait_for_request();
    });
  }

  // Closing while the client still sends would throw away the answer that is under way to it.
  void part() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(std::chrono::seconds(2));
    discard(server_.options.body_limit);
  }

  void discard(uint64_t most) {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(65536),
                            [self = shared_from_this(), most](beast::error_code error, size_t bytes) {
                              if (error || bytes >= most) return self->close();
                              self->discard(most - bytes);
                            });
  }

  void send_stream_header(const HttpResponse& response) {
    message_->keep_alive(false);
    serializer_.emplace(*message_);
    http::async_write_header(
        stream_, *serializer_,
        [self = shared_from_this(), first = response.body](beast::error_code error, size_t) {
          if (error) return self->close();
          self->stream_.expires_never();
          self->server_.streams.insert(self.get());
          self->send_event(first && !first->empty() ? first : hello());
          self->beat();
          self->watch_for_end();
        });
  }

  static std::shared_ptr<const std::string> hello() {
    return std::make_shared<const std::string>(": here\n\n");
  }

  // Reads and writes overlap from here on, which the stream's own timeouts do not allow for: the heartbeat is
  // the clock.
  void write_events() {
    asio::async_write(stream_.socket(), asio::buffer(*events_.front()),
                      [self = shared_from_this()](beast::error_code error, size_t) {
                        if (error) return self->close();
                        self->events_.pop_front();
                        if (!self->events_.empty()) self->write_events();
                      });
  }

  // Proxies and browsers drop silent connections, and a vanished client shows only when written to.
  void beat() {
    heartbeat_.expires_after(std::chrono::seconds(15));
    heartbeat_.async_wait([self = shared_from_this()](beast::error_code error) {
      if (error || !self->stream_.socket().is_open()) return;
      if (!self->events_.empty()) return self->close();  // has not read for a whole beat
      self->send_event(hello());
      self->beat();
    });
  }

  void watch_for_end() {
    stream_.socket().async_read_some(asio::buffer(&ignored_, 1),
                                     [self = shared_from_this()](beast::error_code error, size_t) {
                                       if (error) return self->close();
                                       self->watch_for_end();
                                     });
  }

  Server& server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  asio::steady_timer heartbeat_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<SharedBody>> message_;
  std::optional<http::response_serializer<SharedBody>> serializer_;
  std::deque<std::shared_ptr<const std::string>> events_;
  bool keep_alive_ = false, head_ = false;
  unsigned version_ = 11;
  char ignored_ = 0;
};

}  // namespace

void HttpServer::Implementation::listen() {
  beast::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) fail("--host {}: expected a numeric address such as 127.0.0.1 or 0.0.0.0", options.address);
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error == asio::error::address_in_use)
    fail("port {}: already in use on {}; choose another with --port, or --port 0 for any free one",
         options.port, options.address);
  if (error)
    fail("{} port {}: cannot be served: {}; choose another --host or --port", options.address, options.port,
         error.message());
}

void HttpServer::Implementation::accept() {
  acceptor.async_accept([this](beast::error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) {
      // Out of file descriptors, most likely: try again when some may be free.
      auto pause = std::make_shared<asio::steady_timer>(sockets, std::chrono::milliseconds(100));
      return pause->async_wait([this, pause](beast::error_code stopped) {
        if (!stopped) accept();
      });
    }
    if (static_cast<int>(sessions.size()) < options.most_connections) {
      beast::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<Session>(*this, std::move(socket))->wait_for_request();
    }
    accept();
  });
}

HttpServer::HttpServer(const HttpServerOptions& options, HttpHandler handler)
    : implementation_(std::make_unique<Implementation>(options, std::move(handler))) {
  implementation_->listen();
  implementation_->accept();
  implementation_->thread = std::thread([this] { implementation_->sockets.run(); });
}

HttpServer::~HttpServer() {
  auto& server = *implementation_;
  asio::post(server.sockets, [&server] {
    server.acceptor.close();
    const auto open = server.sessions;
    for (Session* session : open) session->close();
  });
  server.handlers.join();
  server.work.reset();
  server.thread.join();
}

uint16_t HttpServer::port() const { return implementation_->acceptor.local_endpoint().port(); }

void HttpServer::publish(const std::string& event) {
  auto& server = *implementation_;
  asio::post(server.sockets, [&server, event = std::make_shared<const std::string>(event)] {
    const auto streams = server.streams;
    for (Session* stream : streams) stream->send_event(event);
  });
}

}  // namespace dvi
