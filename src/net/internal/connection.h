// One client's connection: reads requests, hands them to the handler one at a time, writes the
// answers in order. All of it on the thread of its loop.
//
// Reading goes on while a handler thinks, into a bounded buffer: that is how a peer that leaves is
// noticed. Pipelined requests wait in the same buffer, and so does the rest of a streamed body that
// its handler does not ask for.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "net/http_server.h"
#include "net/internal/event_loop.h"
#include "net/internal/exchange.h"
#include "net/internal/in_buffer.h"
#include "net/internal/out_queue.h"
#include "net/internal/request_parser.h"
#include "net/internal/response_head.h"

namespace ae::net::internal {

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(EventLoop& loop, UniqueFd socket, int family);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Called by the loop.
  void start(Admission admission);
  void proceed();  // parse what can be parsed, write what can be written, then read on
  void begin_stop();
  void close();
  bool is_late(SteadyTime now) const;
  void time_out();

  // Called by exchanges; ignored unless `sequence` is the request now being answered.
  void answer(std::uint64_t sequence, Response response);
  void begin_stream(std::uint64_t sequence, Response head, std::shared_ptr<StreamState> stream);
  void write_stream(std::uint64_t sequence, std::string bytes);
  void end_stream(std::uint64_t sequence);
  void abort_stream(std::uint64_t sequence);
  void set_disconnect_callback(std::uint64_t sequence, std::move_only_function<void()> callback);
  void read_body(std::uint64_t sequence, Exchange::BodyPiece done);
  void answer_file(std::uint64_t sequence, Response head, FileBody file);
  void set_writable_callback(std::uint64_t sequence, std::move_only_function<void()> callback);

 private:
  enum class Phase {
    kIdle,       // between requests: nothing received
    kReceiving,  // part of a request received
    kHandling,   // the handler owes an answer
    kStreaming,  // the handler sends an answer in pieces
    kFile,       // an answer is being sent out of a file
    kDraining,   // the last bytes are being written
    kLingering,  // all written and our side shut; reading what the peer still sends, to no use
    kClosed,
  };

  enum class BodyState {
    kWhole,   // with the request, or none at all
    kOpen,    // streamed, more is to come
    kEnded,   // streamed, all of it was decoded
    kBroken,  // streamed, body_fault_ says what ended it
  };

  void parse();
  bool parse_step();  // false when nothing more can be done with what was received
  void dispatch();
  void reject(int status, std::string_view detail);
  void queue_response(Response response, const HeadFacts& head);
  HeadFacts facts();
  void complete_answer();
  void decode_body();
  void pump_body();
  void break_body(ErrorCode code, std::string message);
  void give_body(Result<std::string> piece);
  void leave_body();
  bool may_handle(std::uint64_t sequence, Phase phase) const {
    return sequence == sequence_ && phase_ == phase;
  }
  // What exchanges call must not run handlers or callbacks before it returns: their caller may hold
  // a lock that those want.
  void proceed_soon();
  void close_soon();

  void read();
  void on_read(std::size_t bytes, const boost::system::error_code& error);
  void on_end_of_input();
  void write();
  void write_file();
  void tell_writable();
  void wait_writable();
  void finish_draining();
  void tell_disconnected();
  void set_deadline(std::chrono::milliseconds after);

  EventLoop& loop_;
  boost::asio::generic::stream_protocol::socket socket_;
  std::shared_ptr<Link> link_;
  RequestParser parser_;
  InBuffer in_;
  OutQueue out_;
  Phase phase_ = Phase::kIdle;
  SteadyTime deadline_ = SteadyTime::max();        // of the phase
  SteadyTime write_deadline_ = SteadyTime::max();  // for the peer to read some of what is written
  bool reading_ = false;                           // a read is under way
  bool writing_ = false;                           // waiting for the socket to take more
  bool proceeding_ = false;                        // guards against re-entry through handlers
  bool proceed_scheduled_ = false;
  bool keep_alive_ = true;  // after the answer to the current request
  bool linger_ = false;     // the peer may be sending what nobody will read
  bool peer_done_ = false;  // the peer sends no more
  bool head_only_ = false;  // the current request is HEAD
  bool continued_ = false;  // its streamed body was asked for
  std::uint64_t sequence_ = 0;
  std::size_t discarded_ = 0;
  std::shared_ptr<StreamState> stream_;
  std::move_only_function<void()> on_disconnect_;
  std::move_only_function<void()> on_writable_;
  BodyState body_ = BodyState::kWhole;
  Error body_fault_;
  Exchange::BodyPiece body_reader_;  // waits for the next piece
  std::optional<FileBody> file_;     // what is left to send of it
};

}  // namespace ae::net::internal
