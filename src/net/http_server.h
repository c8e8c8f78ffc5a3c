// HTTP/1.1 server: event loops that never block, a handler that answers whenever it can.
//
// Threads: `threads` event loops. The handler runs on one of them and must return at once; work
// that blocks or computes goes to a pool, and answers later through the Exchange, from any thread.
// Handlers must not throw.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "net/http_message.h"

namespace ae::net {

struct TcpEndpoint {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one, see HttpServer::port()
};
struct UnixEndpoint {
  std::string path;  // at most 107 bytes; a stale socket file is replaced
};
using Endpoint = std::variant<TcpEndpoint, UnixEndpoint>;

struct ServerLimits {
  std::size_t max_header_bytes = 16UL << 10U;        // beyond: 431
  std::size_t max_body_bytes = 8UL << 20U;           // beyond: 413, without reading it all
  std::size_t max_connections = 4096;                // beyond: 503 and closed
  std::chrono::milliseconds header_timeout{10'000};  // slow or idle senders are cut off
  std::chrono::milliseconds body_timeout{60'000};    // also for peers that do not read their answer
  std::chrono::milliseconds idle_timeout{75'000};    // between requests of one connection
  // The reader of a stream is given up when more bytes wait for it than that, not counting those
  // that the kernel holds.
  std::size_t max_stream_backlog = 4UL << 20U;
};

// How the handler gets a request's body.
enum class BodyDelivery {
  kWhole,     // with the request, as Request::body
  kStreamed,  // in pieces, as it asks for them: Request::body stays empty, see read_body()
};
struct BodyRule {
  BodyDelivery delivery = BodyDelivery::kWhole;
  std::uint64_t max_bytes = 0;  // beyond: 413, or the reader's error; 0: max_body_bytes
};
// Decides when the head is complete and its body is still to come. Called on an event loop: it must
// not block. Empty: every body is delivered whole.
using BodyPolicy = std::function<BodyRule(const Request& head)>;

// Part of an open file, sent as the body of an answer.
struct FileBody {
  std::shared_ptr<const int> descriptor;  // whoever makes it closes it in its deleter
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// One request's way to its answer. Shared: keep it as long as an answer is owed. Threads: any.
// Dropping the last reference without an answer sends 500.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const Request& request() const = 0;
  // The next piece of a streamed body, at most 512 KB; "" once all of it was delivered. One call at
  // a time; `done` comes once, later, on a thread of the server, and must not block. Nothing is
  // received beyond a bounded buffer until the next call: that is the sender's back-pressure. The
  // first call sends "100 Continue" to whoever waits for it, so a handler may refuse before. An
  // answer given before the end lets the connection close after it.
  // Errors: kCancelled (the sender has left), kDeadlineExceeded (it went silent),
  // kInvalidArgument (malformed chunks), kResourceExhausted (more than BodyRule::max_bytes). A body
  // that was delivered whole is given once more. `done` is dropped uncalled once an answer is
  // given.
  using BodyPiece = std::move_only_function<void(Result<std::string>)>;
  virtual void read_body(BodyPiece done) = 0;
  // Once; later calls are ignored. HEAD requests get the headers only.
  virtual void respond(Response response) = 0;
  // Like respond(), with `size` bytes of a file as the body: Content-Length is known, memory stays
  // constant however large it is. A file that turns out shorter closes the connection early, so
  // that the peer can tell.
  virtual void respond_file(Response head, FileBody file) = 0;
  // A response in pieces (chunked): head, then write()s, then finish(). False once nobody wants
  // more: the peer is gone, asked with HEAD, or reads so slowly that the backlog limit was hit (the
  // connection is then closed); stop producing. Pieces arrive in the order of the calls. Dropping
  // the last reference before finish() closes the connection, so that the peer can tell.
  virtual bool start_stream(Response head) = 0;
  virtual bool write(std::string_view chunk) = 0;
  virtual void finish() = 0;
  // Back-pressure for streams without an end of their own pace: `ready` is called once, later, on a
  // thread of the server, when little of what was written still waits, or when nobody wants more
  // (then write() says so). It must not block. A later callback replaces an earlier one.
  virtual void on_writable(std::move_only_function<void()> ready) = 0;
  // Called at most once, on a thread of the server, when the peer goes away before the answer is
  // complete, or has gone already; also when it only ends its sending side (answers still reach
  // it). A later callback replaces an earlier one. It may hold the exchange, and must not block.
  virtual void on_disconnect(std::move_only_function<void()> callback) = 0;
};

using Handler = std::function<void(std::shared_ptr<Exchange>)>;

// A free port of `host`, kept from others as long as this lives: for those who must know their
// address before they listen on it. HttpServer::start() may take it meanwhile.
class PortReservation final {
 public:
  // Errors: as HttpServer::start().
  static Result<PortReservation> make(const std::string& host);
  PortReservation(PortReservation&& other) noexcept;
  PortReservation& operator=(PortReservation&&) = delete;
  ~PortReservation();
  std::uint16_t port() const { return port_; }

 private:
  PortReservation(int fd, std::uint16_t port) : fd_(fd), port_(port) {}
  int fd_;
  std::uint16_t port_;
};

class HttpServer final {
 public:
  // Binds and listens before it returns. Malformed requests are answered with 4xx by the server
  // itself (body: problem+json), never seen by the handler.
  // Errors: kAlreadyExists when the address is in use, naming it; kPermissionDenied;
  // kInvalidArgument for a host that is no IP address.
  static Result<std::unique_ptr<HttpServer>> start(const Endpoint& endpoint, Handler handler,
                                                   std::size_t threads = 1,
                                                   const ServerLimits& limits = {},
                                                   BodyPolicy body_policy = {});
  // Stops accepting, lets answers under way finish for up to `grace`, then closes (and calls the
  // on_disconnect callbacks of what was cut off). Exchanges still held stay usable and do nothing.
  // Idempotent. Threads: any but the server's own, so not from a handler.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds{500});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;  // 0 for a Unix endpoint

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::net
