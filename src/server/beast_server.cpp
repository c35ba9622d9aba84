// HttpServer on Boost.Beast; the only file that includes it.
#include <malloc.h>
#include <sys/socket.h>

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
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "core/sentence.h"
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
  Implementation(const HttpServerOptions& o, HttpHandlers h)
      : options(o),
        ask(std::move(h)),
        handlers(static_cast<size_t>(o.handler_threads)),
        slow_handlers(static_cast<size_t>(o.slow_threads)),
        acceptor(sockets) {}

  void listen();
  void accept();
  bool make_room();

  HttpServerOptions options;
  HttpHandlers ask;
  // Only touched by `thread`; they outlive whatever still holds a session.
  std::set<Session*> sessions, streams;
  std::map<asio::ip::address, int> connections;  // of each address
  uint64_t next_number = 0, body_bytes = 0;
  size_t most_at_once = 0;
  asio::io_context sockets{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{sockets.get_executor()};
  asio::thread_pool handlers, slow_handlers;
  tcp::acceptor acceptor;
  std::thread thread;
};

namespace {

using Server = HttpServer::Implementation;

/// One connection. All of it runs in the server's socket thread, but for the handler.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Server& server, tcp::socket socket, const asio::ip::address& address)
      : server_(server),
        socket_(std::move(socket)),
        address_(address),
        buffer_(server.options.header_limit + 4096),
        clock_(server.sockets),
        heartbeat_(server.sockets) {
    server_.sessions.insert(this);
    server_.most_at_once = std::max(server_.most_at_once, server_.sessions.size());
    ++server_.connections[address_];
  }
  ~Session() {
    release_body();
    server_.sessions.erase(this);
    server_.streams.erase(this);
    if (--server_.connections[address_] == 0) server_.connections.erase(address_);
    // What a crowd has taken goes back to the system once it has left.
    constexpr size_t crowd = 64;
    if (server_.sessions.empty() && std::exchange(server_.most_at_once, 0) > crowd) malloc_trim(0);
  }

  void wait_for_request() {
    enter(State::waiting);
    release_body();
    if (buffer_.size() > 0) return read();
    // Idle until the first byte; only a connection that has asked before may take its time.
    set_clock(answered_ ? server_.options.idle_seconds : server_.options.receive_seconds);
    socket_.async_read_some(buffer_.prepare(4096),
                            [self = shared_from_this()](beast::error_code error, size_t bytes) {
                              if (error) return self->close();
                              self->buffer_.commit(bytes);
                              self->read();
                            });
  }

  void close() {
    stop_.request_stop();
    clock_.cancel();
    heartbeat_.cancel();
    beast::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

  void send_event(std::shared_ptr<const std::string> event) {
    // A client that does not read is dropped rather than buffered for.
    constexpr size_t most_waiting = 1000;
    if (events_.size() >= most_waiting) return close();
    events_.push_back(std::move(event));
    if (events_.size() == 1) write_events();
  }

  /// Whether it only waits for bytes, so that closing it loses nobody's answer.
  bool spare() const { return socket_.is_open() && (state_ == State::waiting || state_ == State::receiving); }
  /// Smaller for those that have been in their state for longer.
  uint64_t number() const { return number_; }
  const asio::ip::address& address() const { return address_; }

 private:
  enum class State { waiting, receiving, answering, sending };

  void enter(State state) {
    state_ = state;
    number_ = server_.next_number++;
  }

  /// Ends the connection after so many seconds unless it is set again; a request that is not whole by then
  /// gets 408.
  void set_clock(double after) {
    late_ = false;
    clock_.expires_after(seconds(after));
    clock_.async_wait([self = shared_from_this()](beast::error_code error) {
      if (error || self->clock_.expiry() > steady_clock::now()) return;
      self->late_ = true;
      if (self->state_ != State::receiving) return self->close();
      beast::error_code ignored;
      self->socket_.cancel(ignored);  // the read's handler answers
    });
  }

  void read() {
    enter(State::receiving);
    parser_.emplace();
    parser_->header_limit(server_.options.header_limit);
    parser_->body_limit(server_.options.body_limit);
    set_clock(server_.options.receive_seconds);
    http::async_read_header(
        socket_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->on_header(error); });
  }

  /// Answers or closes if reading failed; returns whether it did.
  bool failed(beast::error_code error) {
    if (!error) return false;
    if (error == asio::error::operation_aborted && late_ && socket_.is_open())
      refuse(408, "The request did not arrive in time");
    else if (error == http::error::header_limit || error == http::error::buffer_overflow)
      refuse(431, "The request's headers are too long; ask for fewer ids at once");
    else if (error == http::error::body_limit)
      refuse(413, "The request's body is too long; send fewer ids at once");
    else if (error.category() == http::make_error_code(http::error::end_of_stream).category() &&
             error != http::error::end_of_stream && error != http::error::partial_message)
      refuse(400, "The request is no valid HTTP");
    else
      close();
    return true;
  }

  void on_header(beast::error_code error) {
    if (failed(error)) return;
    const auto& message = parser_->get();
    request_ = std::make_shared<HttpRequest>();
    request_->method = std::string(message.method_string());
    for (const auto& field : message) {
      std::string name(field.name_string());
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      const auto [known, fresh] = request_->headers.emplace(std::move(name), field.value());
      // Two values of one header are how requests are smuggled past checks.
      if (!fresh && known->first == "host") return refuse(400, "The request names more than one Host");
    }
    keep_alive_ = message.keep_alive();
    version_ = message.version() == 10 ? 10 : 11;
    head_ = message.method() == http::verb::head;
    if (!parse_target({message.target().data(), message.target().size()}, *request_))
      return refuse(400, "The request's path is not valid");
    const bool body = parser_->chunked() || parser_->content_length().value_or(0) > 0;
    if (server_.ask.admit)
      if (auto refused = server_.ask.admit(*request_)) {
        if (body) keep_alive_ = false;  // nobody reads what follows
        return send(*refused);
      }
    if (parser_->chunked()) return refuse(411, "Send the request's body with a Content-Length");
    if (body && message.method() != http::verb::post) return refuse(400, "Only POST requests have a body");
    if (parser_->is_done()) return dispatch();
    read_body();
  }

  void read_body() {
    http::async_read_some(
        socket_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, size_t) {
          const uint64_t now = self->parser_->get().body().size();
          self->server_.body_bytes += now - self->body_bytes_;
          self->body_bytes_ = now;
          if (self->failed(error)) return;
          if (self->server_.body_bytes > self->server_.options.bodies_limit)
            return self->refuse(503, "The server is taking in too much at once; send this again in a moment");
          if (!self->parser_->is_done()) return self->read_body();
          self->request_->body = std::move(self->parser_->get().body());
          self->dispatch();
        });
  }

  void release_body() {
    server_.body_bytes -= std::exchange(body_bytes_, 0);
    parser_.reset();
    request_.reset();
  }

  void dispatch() {
    enter(State::answering);
    clock_.cancel();
    stop_ = std::stop_source();
    request_->stop = stop_.get_token();
    watch_client();
    auto& pool = server_.ask.slow && server_.ask.slow(*request_) ? server_.slow_handlers : server_.handlers;
    // The session is handed back, so that it never ends in a handler's thread.
    asio::post(pool, [self = shared_from_this(), request = request_]() mutable {
      auto response = std::make_shared<HttpResponse>(self->answer(*request));
      request.reset();
      auto& sockets = self->server_.sockets;
      asio::post(sockets, [self = std::move(self), response] { self->send(*response); });
    });
  }

  /// A client that leaves while its answer is being made needs none.
  void watch_client() {
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](beast::error_code error) {
      if (error || self->state_ != State::answering) return;
      char next;
      // Anything but its end is the next request, which waits.
      if (recv(self->socket_.native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        self->stop_.request_stop();
    });
  }

  HttpResponse answer(const HttpRequest& request) const {
    if (request.stop.stop_requested()) return error_response(503, "Nobody waits for this answer");
    return answer_of(server_.ask.answer, request);
  }

  void refuse(int status, const std::string& sentence) {
    keep_alive_ = false;
    HttpResponse response = error_response(status, sentence);
    if (server_.ask.finish) server_.ask.finish(response);
    send(response);
  }

  void send(const HttpResponse& response) {
    if (!socket_.is_open()) return;
    enter(State::sending);
    beast::error_code ignored;
    socket_.cancel(ignored);  // the watch
    if (response.event_stream && !head_ &&
        server_.streams.size() >= static_cast<size_t>(server_.options.most_streams))
      return refuse(503, "Too many pages are open; close some");
    message_.emplace();
    message_->result(static_cast<unsigned>(response.status));
    message_->version(version_);
    for (const auto& [name, value] : response.headers) message_->set(name, value);
    message_->set(http::field::content_type, response.content_type);
    set_clock(server_.options.send_seconds);
    if (response.event_stream && !head_) return send_stream_header(response);
    message_->keep_alive(keep_alive_);
    const uint64_t length = SharedBody::size(response.body);
    if (!head_ && response.status != 304) message_->body() = response.body;
    if (response.status != 304) message_->content_length(length);
    serializer_.emplace(*message_);
    http::async_write(socket_, *serializer_, [self = shared_from_this()](beast::error_code error, size_t) {
      if (error) return self->close();
      self->serializer_.reset();
      self->message_.reset();
      if (!self->keep_alive_) return self->part();
      self->answered_ = true;
      self->wait_for_request();
    });
  }

  // Closing while the client still sends would throw away the answer that is under way to it.
  void part() {
    beast::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    release_body();
    set_clock(2);
    discard(server_.options.body_limit);
  }

  void discard(uint64_t most) {
    buffer_.clear();
    socket_.async_read_some(buffer_.prepare(buffer_.max_size()),
                            [self = shared_from_this(), most](beast::error_code error, size_t bytes) {
                              if (error || bytes >= most) return self->close();
                              self->discard(most - bytes);
                            });
  }

  void send_stream_header(const HttpResponse& response) {
    message_->keep_alive(false);
    serializer_.emplace(*message_);
    http::async_write_header(
        socket_, *serializer_,
        [self = shared_from_this(), first = response.body](beast::error_code error, size_t) {
          if (error) return self->close();
          self->clock_.cancel();
          self->release_body();
          self->server_.streams.insert(self.get());
          self->send_event(first && !first->empty() ? first : hello());
          self->beat();
          self->watch_for_end();
        });
  }

  static std::shared_ptr<const std::string> hello() {
    return std::make_shared<const std::string>(": here\n\n");
  }

  // Reads and writes overlap from here on; the heartbeat is the clock.
  void write_events() {
    asio::async_write(socket_, asio::buffer(*events_.front()),
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
      if (error || !self->socket_.is_open()) return;
      if (!self->events_.empty()) return self->close();  // has not read for a whole beat
      self->send_event(hello());
      self->beat();
    });
  }

  void watch_for_end() {
    socket_.async_read_some(asio::buffer(&ignored_, 1),
                            [self = shared_from_this()](beast::error_code error, size_t) {
                              if (error) return self->close();
                              self->watch_for_end();
                            });
  }

  Server& server_;
  tcp::socket socket_;
  asio::ip::address address_;
  beast::flat_buffer buffer_;
  asio::steady_timer clock_, heartbeat_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::shared_ptr<HttpRequest> request_;
  std::optional<http::response<SharedBody>> message_;
  std::optional<http::response_serializer<SharedBody>> serializer_;
  std::deque<std::shared_ptr<const std::string>> events_;
  std::stop_source stop_;
  State state_ = State::waiting;
  uint64_t number_ = 0, body_bytes_ = 0;
  bool keep_alive_ = false, head_ = false, answered_ = false, late_ = false;
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
    beast::error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    if (!gone && (static_cast<int>(sessions.size()) < options.most_connections || make_room())) {
      socket.set_option(tcp::no_delay(true), gone);
      std::make_shared<Session>(*this, std::move(socket), peer.address())->wait_for_request();
    }
    accept();
  });
}

/// Closes the oldest connection that waits or dawdles, of the address that has most; returns whether there
/// was one.
bool HttpServer::Implementation::make_room() {
  Session* victim = nullptr;
  const auto before = [this](const Session* a, const Session* b) {
    const int of_a = connections.at(a->address()), of_b = connections.at(b->address());
    return of_a != of_b ? of_a > of_b : a->number() < b->number();
  };
  for (Session* session : sessions)
    if (session->spare() && (victim == nullptr || before(session, victim))) victim = session;
  if (victim != nullptr) victim->close();
  return victim != nullptr;
}

HttpServer::HttpServer(const HttpServerOptions& options, HttpHandlers handlers)
    : implementation_(std::make_unique<Implementation>(options, std::move(handlers))) {
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
  server.slow_handlers.join();
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
