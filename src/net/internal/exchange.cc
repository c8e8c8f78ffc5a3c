#include "net/internal/exchange.h"

#include <fmt/format.h>

#include <utility>

#include "net/internal/connection.h"
#include "net/internal/response_head.h"

namespace ae::net::internal {
namespace {

// Calls task(connection) on the connection's loop, here and now when this is its thread; not at
// all when the connection is gone. False when the loop is.
template <class Task>
bool deliver(const std::shared_ptr<Link>& link, Task task) {
  if (link->mailbox->on_loop_thread()) {
    if (link->connection != nullptr) task(*link->connection);
    return true;
  }
  return link->mailbox->post([link, task = std::move(task)]() mutable {
    if (link->connection != nullptr) task(*link->connection);
  });
}

std::string frame_chunk(std::string_view chunk) {
  std::string framed = fmt::format("{:x}\r\n", chunk.size());
  framed.reserve(framed.size() + chunk.size() + 2);
  framed += chunk;
  framed += "\r\n";
  return framed;
}

}  // namespace

ConnectionExchange::~ConnectionExchange() {
  const std::uint64_t sequence = facts_.sequence;
  switch (state_.load()) {
    case State::kOpen:
      (void)deliver(link_, [sequence](Connection& connection) {
        connection.answer(sequence, problem_response(500, "the request's handler gave no answer"));
      });
      break;
    case State::kStreaming:
      deliver_in_order([sequence](Connection& connection) { connection.abort_stream(sequence); });
      break;
    case State::kStarting:
    case State::kDone:
      break;
  }
}

void ConnectionExchange::respond(Response response) {
  if (!advance(State::kOpen, State::kDone)) return;
  (void)deliver(link_, [sequence = facts_.sequence,
                        response = std::move(response)](Connection& connection) mutable {
    connection.answer(sequence, std::move(response));
  });
}

template <class Task>
void ConnectionExchange::deliver_in_order(Task task) {
  if (link_->mailbox->on_loop_thread() && stream_->posted == 0) {
    if (link_->connection != nullptr) task(*link_->connection);
    return;
  }
  ++stream_->posted;
  const bool posted =
      link_->mailbox->post([link = link_, stream = stream_, task = std::move(task)]() mutable {
        --stream->posted;
        if (link->connection != nullptr) task(*link->connection);
      });
  if (!posted) stream_->gone = true;
}

bool ConnectionExchange::start_stream(Response head) {
  if (!advance(State::kOpen, State::kStarting)) return false;
  stream_ = std::make_shared<StreamState>();
  state_ = State::kStreaming;
  deliver_in_order([sequence = facts_.sequence, stream = stream_,
                    head = std::move(head)](Connection& connection) mutable {
    connection.begin_stream(sequence, std::move(head), std::move(stream));
  });
  if (link_->closed) stream_->gone = true;
  return !stream_->gone;
}

bool ConnectionExchange::write(std::string_view chunk) {
  if (state_ != State::kStreaming || stream_->gone) return false;
  if (chunk.empty()) return true;  // a chunk of no bytes would end the body
  std::string bytes = facts_.http10 ? std::string(chunk) : frame_chunk(chunk);
  // What waits counts, not the piece: one larger than the limit must pass too, and it always can.
  if (stream_->backlog.fetch_add(bytes.size()) > facts_.max_stream_backlog) {
    stream_->gone = true;
    deliver_in_order([sequence = facts_.sequence](Connection& connection) {
      connection.abort_stream(sequence);
    });
    return false;
  }
  deliver_in_order(
      [sequence = facts_.sequence, bytes = std::move(bytes)](Connection& connection) mutable {
        connection.write_stream(sequence, std::move(bytes));
      });
  return !stream_->gone;
}

void ConnectionExchange::finish() {
  if (!advance(State::kStreaming, State::kDone)) return;
  deliver_in_order(
      [sequence = facts_.sequence](Connection& connection) { connection.end_stream(sequence); });
}

void ConnectionExchange::read_body(BodyPiece done) {
  if (state_ != State::kOpen) return;
  // Always through the mailbox: a reader called here and now could find its owner's lock taken.
  const auto shared = std::make_shared<BodyPiece>(std::move(done));
  const bool posted =
      link_->mailbox->post([this_request = facts_, link = link_, shared,
                            whole = facts_.streamed_body ? std::string{} : request_.body,
                            given = whole_body_given_.exchange(true)]() mutable {
        if (link->connection == nullptr) {
          (*shared)(fail(ErrorCode::kCancelled, "the sender left"));
        } else if (this_request.streamed_body) {
          link->connection->read_body(this_request.sequence, std::move(*shared));
        } else {
          (*shared)(given ? std::string{} : std::move(whole));
        }
      });
  if (!posted) (*shared)(fail(ErrorCode::kCancelled, "the server stops"));
}

void ConnectionExchange::respond_file(Response head, FileBody file) {
  if (!advance(State::kOpen, State::kDone)) return;
  (void)deliver(link_, [sequence = facts_.sequence, head = std::move(head),
                        file = std::move(file)](Connection& connection) mutable {
    connection.answer_file(sequence, std::move(head), std::move(file));
  });
}

void ConnectionExchange::on_writable(std::move_only_function<void()> ready) {
  if (state_ != State::kStreaming) return;
  const auto shared = std::make_shared<std::move_only_function<void()>>(std::move(ready));
  ++stream_->posted;
  const bool posted =
      link_->mailbox->post([link = link_, stream = stream_, sequence = facts_.sequence, shared] {
        --stream->posted;
        if (link->connection != nullptr) {
          link->connection->set_writable_callback(sequence, std::move(*shared));
        } else {
          (*shared)();
        }
      });
  if (posted) return;
  --stream_->posted;
  (*shared)();
}

void ConnectionExchange::on_disconnect(std::move_only_function<void()> callback) {
  if (state_ == State::kDone) return;
  // Always through the mailbox: a callback run here and now could find its owner's lock taken.
  (void)link_->mailbox->post(
      [link = link_, sequence = facts_.sequence, callback = std::move(callback)]() mutable {
        if (link->connection != nullptr) {
          link->connection->set_disconnect_callback(sequence, std::move(callback));
        } else {
          callback();
        }
      });
}

}  // namespace ae::net::internal
