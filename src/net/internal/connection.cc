#include "net/internal/connection.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <exception>
#include <utility>

#include "base/log.h"

namespace ae::net::internal {
namespace {

namespace asio = boost::asio;

// Answers to pipelined requests pile up to this many bytes before the next request is looked at.
constexpr std::size_t kMaxQueuedAnswers = 256UL << 10U;

// A streamed body is decoded up to that much ahead of its reader, and handed over in such pieces.
constexpr std::size_t kBodyPiece = 256UL << 10U;

// Of a file, before other connections of the loop get their turn.
constexpr std::size_t kFileBytesPerTurn = 1UL << 20U;

// How long a peer may go on sending after it was turned away, so that it reads why: closing at
// once would make the kernel reset the connection and discard our answer on its way.
constexpr std::chrono::milliseconds kLingerTime{2'000};

std::size_t in_buffer_bytes(const ServerLimits& limits) {
  return std::max<std::size_t>(64UL << 10U, limits.max_header_bytes + (4UL << 10U));
}

asio::generic::stream_protocol protocol(int family) {
  return {family, family == AF_UNIX ? 0 : IPPROTO_TCP};
}

}  // namespace

Connection::Connection(EventLoop& loop, UniqueFd socket, int family)
    : loop_(loop),
      socket_(loop.context()),
      link_(std::make_shared<Link>()),
      parser_({loop.server().limits.max_header_bytes, loop.server().limits.max_body_bytes},
              &loop.server().body_policy),
      in_(in_buffer_bytes(loop.server().limits)) {
  link_->mailbox = loop.mailbox();
  socket_.assign(protocol(family), socket.get());
  socket.release();
  socket_.non_blocking(true);
  if (family != AF_UNIX) {
    const int on = 1;
    setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
}

Connection::~Connection() { link_->connection = nullptr; }

void Connection::set_deadline(std::chrono::milliseconds after) {
  deadline_ = std::chrono::steady_clock::now() + after;
}

void Connection::start(Admission admission) {
  link_->connection = this;
  // A client that connects and stays silent is as slow as one that dribbles its header.
  set_deadline(loop_.server().limits.header_timeout);
  if (loop_.stopping()) return close();
  if (admission == Admission::kTurnAway) {
    reject(503, "this server has as many connections as it accepts; try again later");
  }
  proceed();
}

// ---- Reading ---------------------------------------------------------------------------------

void Connection::read() {
  if (reading_ || peer_done_ || phase_ == Phase::kClosed || phase_ == Phase::kDraining) return;
  if (in_.full()) return;  // pipelined more than we hold: continued once some of it is answered
  char* const room = in_.prepare();
  reading_ = true;
  socket_.async_read_some(
      asio::buffer(room, in_.room()),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t bytes) {
        self->on_read(bytes, error);
      });
}

void Connection::on_read(std::size_t bytes, const boost::system::error_code& error) {
  reading_ = false;
  if (phase_ == Phase::kClosed) return;
  if (error == asio::error::eof) return on_end_of_input();
  if (error) return close();
  in_.commit(bytes);
  if (phase_ == Phase::kLingering) {
    in_.clear();
    discarded_ += bytes;
    if (discarded_ > loop_.server().limits.max_body_bytes) return close();
  }
  proceed();
}

void Connection::on_end_of_input() {
  peer_done_ = true;
  if (phase_ == Phase::kLingering || phase_ == Phase::kStreaming) return close();
  // The peer may only have shut its sending side and wait for the answer, so it still gets one.
  if (phase_ == Phase::kHandling) tell_disconnected();
  proceed();
}

void Connection::proceed() {
  proceed_scheduled_ = false;
  if (proceeding_ || phase_ == Phase::kClosed) return;
  const auto self = shared_from_this();
  proceeding_ = true;
  do {
    parse();
    write();
    // When the answers left at once there may be room for more of them.
  } while (phase_ == Phase::kIdle && (!in_.empty() || peer_done_) && !writing_);
  proceeding_ = false;
  read();
}

void Connection::proceed_soon() {
  if (proceeding_ || proceed_scheduled_ || phase_ == Phase::kClosed) return;
  proceed_scheduled_ = true;
  loop_.proceed_later(shared_from_this());
}

void Connection::close_soon() {
  asio::post(loop_.context(), [self = shared_from_this()] { self->close(); });
}

// ---- Requests --------------------------------------------------------------------------------

void Connection::parse() {
  pump_body();
  while ((phase_ == Phase::kIdle || phase_ == Phase::kReceiving) &&
         out_.size() < kMaxQueuedAnswers && parse_step()) {
    pump_body();
  }
  // Nothing more will come, so a half request stays half.
  const bool waits_for_input = phase_ == Phase::kIdle || phase_ == Phase::kReceiving;
  if (peer_done_ && waits_for_input && out_.size() < kMaxQueuedAnswers) {
    phase_ = Phase::kDraining;
  }
}

bool Connection::parse_step() {
  if (in_.empty()) return false;
  const bool was_in_body = parser_.in_body();
  const RequestParser::Step step = parser_.feed(in_.data());
  in_.consume(step.consumed);
  switch (step.progress) {
    case RequestParser::Progress::kHead:
      body_ = BodyState::kOpen;
      dispatch();
      return true;
    case RequestParser::Progress::kComplete:
      body_ = BodyState::kWhole;
      dispatch();
      return true;
    case RequestParser::Progress::kRejected:
      reject(parser_.rejection().status, parser_.rejection().detail);
      return false;
    case RequestParser::Progress::kContinue:
      out_.append(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
      break;
    case RequestParser::Progress::kNeedMore:
      break;
  }
  if (parser_.in_body() && !was_in_body) {
    phase_ = Phase::kReceiving;
    set_deadline(loop_.server().limits.body_timeout);
  } else if (phase_ == Phase::kIdle && !in_.empty()) {
    phase_ = Phase::kReceiving;
    set_deadline(loop_.server().limits.header_timeout);
  }
  return false;
}

void Connection::dispatch() {
  const ConnectionExchange::Facts exchange_facts{++sequence_,
                                                 loop_.server().limits.max_stream_backlog,
                                                 parser_.http10(), body_ == BodyState::kOpen};
  phase_ = Phase::kHandling;
  continued_ = false;
  deadline_ = SteadyTime::max();
  keep_alive_ = parser_.keep_alive();
  auto exchange = std::make_shared<ConnectionExchange>(link_, parser_.take(), exchange_facts);
  head_only_ = exchange->request().method == "HEAD";
  try {
    loop_.server().handler(std::move(exchange));
  } catch (const std::exception& error) {
    // Against the contract. The exchange, dropped on the way, has answered 500.
    log::error("HTTP server: a handler threw: {}", error.what());
  }
}

void Connection::reject(int status, std::string_view detail) {
  keep_alive_ = false;
  linger_ = true;
  head_only_ = false;
  const Response response = problem_response(status, detail);
  HeadFacts head = facts();
  head.body_bytes = response.body.size();
  queue_response(response, head);
  phase_ = Phase::kDraining;
}

// ---- Streamed bodies -------------------------------------------------------------------------

void Connection::read_body(std::uint64_t sequence, Exchange::BodyPiece done) {
  if (!may_handle(sequence, Phase::kHandling)) return;
  if (body_ == BodyState::kOpen && parser_.expects_continue() && in_.empty() &&
      parser_.body_bytes() == 0 && !continued_) {
    out_.append(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  continued_ = true;
  body_reader_ = std::move(done);
  set_deadline(loop_.server().limits.body_timeout);
  proceed_soon();
}

// What has arrived, as far as it may be decoded ahead of the reader.
void Connection::decode_body() {
  while (body_ == BodyState::kOpen && parser_.body_bytes() < kBodyPiece && !in_.empty()) {
    const RequestParser::Step step = parser_.feed(in_.data());
    in_.consume(step.consumed);
    if (step.progress == RequestParser::Progress::kComplete) {
      body_ = BodyState::kEnded;
    } else if (step.progress == RequestParser::Progress::kRejected) {
      break_body(parser_.rejection().status == 400 ? ErrorCode::kInvalidArgument
                                                   : ErrorCode::kResourceExhausted,
                 parser_.rejection().detail);
    } else if (step.consumed == 0) {
      break;
    }
  }
  if (body_ == BodyState::kOpen && peer_done_ && parser_.body_bytes() < kBodyPiece) {
    break_body(ErrorCode::kCancelled, "the sender left before the end of the request's body");
  }
}

void Connection::break_body(ErrorCode code, std::string message) {
  body_ = BodyState::kBroken;
  body_fault_ = {code, std::move(message), {}};
}

void Connection::pump_body() {
  while (phase_ == Phase::kHandling && body_ != BodyState::kWhole) {
    decode_body();
    if (!body_reader_) return;
    if (parser_.body_bytes() > 0) {
      give_body(parser_.take_body());
    } else if (body_ == BodyState::kEnded) {
      give_body(std::string{});
    } else if (body_ == BodyState::kBroken) {
      give_body(fail(body_fault_));
    } else {
      return;
    }
  }
}

void Connection::give_body(Result<std::string> piece) {
  deadline_ = SteadyTime::max();
  auto reader = std::exchange(body_reader_, nullptr);
  try {
    reader(std::move(piece));
  } catch (const std::exception& error) {
    log::error("HTTP server: the reader of a body threw: {}", error.what());
  }
}

// The answer is there: what is left of the body interests nobody. Where the next request begins is
// known only when all of it has arrived.
void Connection::leave_body() {
  if (body_ == BodyState::kWhole) return;
  (void)parser_.take_body();
  decode_body();
  (void)parser_.take_body();
  if (body_ != BodyState::kEnded) {
    keep_alive_ = false;
    linger_ = true;
  }
  body_ = BodyState::kWhole;
  body_reader_ = nullptr;
}

// ---- Answers ---------------------------------------------------------------------------------

HeadFacts Connection::facts() {
  HeadFacts head;
  head.keep_alive = keep_alive_ && !loop_.stopping();
  head.http10 = parser_.http10();
  head.date = loop_.http_date();
  return head;
}

void Connection::queue_response(Response response, const HeadFacts& head) {
  std::string& scratch = loop_.scratch();
  scratch.clear();
  append_head(scratch, response, head);
  out_.append(std::string_view(scratch));
  if (!head_only_ && !is_bodiless(response.status)) out_.append(std::move(response.body));
}

void Connection::answer(std::uint64_t sequence, Response response) {
  if (!may_handle(sequence, Phase::kHandling)) return;
  if (const std::string fault = find_fault(response); !fault.empty()) {
    log::error("HTTP server: a response cannot be sent: {}", fault);
    response = problem_response(500, "the handler's response was not valid HTTP");
  }
  leave_body();
  HeadFacts head = facts();
  head.body_bytes = response.body.size();
  queue_response(std::move(response), head);
  complete_answer();
}

void Connection::begin_stream(std::uint64_t sequence, Response response,
                              std::shared_ptr<StreamState> stream) {
  if (!may_handle(sequence, Phase::kHandling)) {
    stream->gone = true;
    return;
  }
  const std::string fault = find_fault(response);
  if (!fault.empty() || is_bodiless(response.status)) {
    log::error("HTTP server: a stream cannot be sent: {}", fault.empty() ? "no body" : fault);
    stream->gone = true;
    return answer(sequence, problem_response(500, "the handler's response was not valid HTTP"));
  }
  leave_body();
  if (parser_.http10()) keep_alive_ = false;
  HeadFacts head = facts();
  head.framing = parser_.http10() ? BodyFraming::kUntilClose : BodyFraming::kChunked;
  response.body.clear();
  queue_response(std::move(response), head);
  if (head_only_) {
    stream->gone = true;
    return complete_answer();
  }
  stream->backlog += out_.size();
  stream_ = std::move(stream);
  phase_ = Phase::kStreaming;
  if (peer_done_) {
    stream_->gone = true;
    return close_soon();
  }
  proceed_soon();
}

void Connection::answer_file(std::uint64_t sequence, Response response, FileBody file) {
  if (!may_handle(sequence, Phase::kHandling)) return;
  const std::string fault = find_fault(response);
  if (!fault.empty() || is_bodiless(response.status)) {
    log::error("HTTP server: a file cannot be sent: {}", fault.empty() ? "no body" : fault);
    return answer(sequence, problem_response(500, "the handler's response was not valid HTTP"));
  }
  leave_body();
  HeadFacts head = facts();
  head.body_bytes = file.size;
  response.body.clear();
  queue_response(std::move(response), head);
  if (head_only_ || file.size == 0) return complete_answer();
  file_ = std::move(file);
  phase_ = Phase::kFile;
  deadline_ = SteadyTime::max();
  proceed_soon();
}

void Connection::set_writable_callback(std::uint64_t sequence,
                                       std::move_only_function<void()> callback) {
  if (!may_handle(sequence, Phase::kStreaming)) return callback();
  on_writable_ = std::move(callback);
  proceed_soon();
}

void Connection::write_stream(std::uint64_t sequence, std::string bytes) {
  if (!may_handle(sequence, Phase::kStreaming)) return;
  out_.append(std::move(bytes));
  proceed_soon();
}

void Connection::end_stream(std::uint64_t sequence) {
  if (!may_handle(sequence, Phase::kStreaming)) return;
  if (!parser_.http10()) out_.append(std::string_view("0\r\n\r\n"));
  stream_ = nullptr;
  complete_answer();
}

// The client sees the connection end without the last chunk, and so that the body is cut short.
void Connection::abort_stream(std::uint64_t sequence) {
  if (may_handle(sequence, Phase::kStreaming)) close_soon();
}

void Connection::complete_answer() {
  phase_ = keep_alive_ && !loop_.stopping() ? Phase::kIdle : Phase::kDraining;
  set_deadline(loop_.server().limits.idle_timeout);
  // These may own the exchange, and much else.
  const auto dropped = std::exchange(on_disconnect_, nullptr);
  const auto unused = std::exchange(on_writable_, nullptr);
  proceed_soon();
}

void Connection::set_disconnect_callback(std::uint64_t sequence,
                                         std::move_only_function<void()> callback) {
  if (sequence != sequence_ || (phase_ != Phase::kHandling && phase_ != Phase::kStreaming)) return;
  on_disconnect_ = std::move(callback);
  if (peer_done_) tell_disconnected();
}

void Connection::tell_disconnected() {
  if (!on_disconnect_) return;
  auto callback = std::move(on_disconnect_);
  on_disconnect_ = nullptr;
  try {
    callback();
  } catch (const std::exception& error) {
    log::error("HTTP server: a disconnect callback threw: {}", error.what());
  }
}

// ---- Writing and closing ---------------------------------------------------------------------

void Connection::write() {
  if (writing_ || phase_ == Phase::kClosed) return;
  while (!out_.empty()) {
    boost::system::error_code error;
    const std::size_t bytes = socket_.write_some(out_.front(), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      return wait_writable();
    }
    if (error) return close();
    out_.consume(bytes);
    if (stream_) stream_->backlog -= bytes;
  }
  if (file_) return write_file();
  tell_writable();
  if (!out_.empty()) return write();
  if (phase_ == Phase::kDraining) finish_draining();
}

// The kernel copies from the file to the socket. A page that is not in memory makes the loop wait
// for one read of the disk, which the kernel's own reading ahead makes rare.
void Connection::write_file() {
  std::size_t sent = 0;
  while (file_->size > 0 && sent < kFileBytesPerTurn) {
    auto offset = static_cast<off_t>(file_->offset);
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(file_->size, kFileBytesPerTurn - sent));
    const ssize_t bytes = ::sendfile(socket_.native_handle(), *file_->descriptor, &offset, wanted);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return wait_writable();
    if (bytes <= 0) return close();  // the peer is gone, or the file shorter than promised
    sent += static_cast<std::size_t>(bytes);
    file_->offset += static_cast<std::uint64_t>(bytes);
    file_->size -= static_cast<std::uint64_t>(bytes);
  }
  if (file_->size > 0) return loop_.proceed_later(shared_from_this());
  file_.reset();
  complete_answer();
  if (phase_ == Phase::kDraining) finish_draining();
}

void Connection::tell_writable() {
  if (!on_writable_ || !out_.empty()) return;
  auto callback = std::exchange(on_writable_, nullptr);
  try {
    callback();
  } catch (const std::exception& error) {
    log::error("HTTP server: a stream's callback threw: {}", error.what());
  }
}

void Connection::wait_writable() {
  writing_ = true;
  write_deadline_ = std::chrono::steady_clock::now() + loop_.server().limits.body_timeout;
  socket_.async_wait(asio::socket_base::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->writing_ = false;
                       self->write_deadline_ = SteadyTime::max();
                       if (error) return self->close();
                       self->proceed();
                     });
}

void Connection::finish_draining() {
  if (!linger_ || peer_done_) return close();
  boost::system::error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  phase_ = Phase::kLingering;
  in_.clear();
  set_deadline(kLingerTime);
}

void Connection::begin_stop() {
  // What is being received or answered gets its time; its answer will say "Connection: close".
  if (phase_ == Phase::kIdle && in_.empty()) phase_ = Phase::kDraining;
  if (phase_ == Phase::kLingering) return close();
  proceed();
}

bool Connection::is_late(SteadyTime now) const {
  return now >= write_deadline_ || (now >= deadline_ && phase_ != Phase::kDraining);
}

void Connection::time_out() {
  if (phase_ == Phase::kHandling && body_reader_ && !writing_) {
    break_body(ErrorCode::kDeadlineExceeded, "the request's body took too long to arrive");
    return proceed();
  }
  if (phase_ != Phase::kReceiving || writing_) return close();
  reject(408, "the request took too long to arrive");
  proceed();
}

void Connection::close() {
  if (phase_ == Phase::kClosed) return;
  const auto self = shared_from_this();
  phase_ = Phase::kClosed;
  link_->connection = nullptr;
  link_->closed = true;
  if (stream_) stream_->gone = true;
  stream_ = nullptr;
  file_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (body_reader_) give_body(fail(ErrorCode::kCancelled, "the sender left"));
  tell_disconnected();
  out_ = {};
  tell_writable();
  loop_.forget(*this);
}

}  // namespace ae::net::internal
