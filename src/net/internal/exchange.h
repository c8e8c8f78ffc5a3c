// The Exchange that handlers get: hands every call over to the connection on its own loop.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "net/internal/mailbox.h"

namespace ae::net::internal {

class Connection;

// The way from any thread to a connection that may be gone. One per connection.
struct Link {
  std::shared_ptr<Mailbox> mailbox;
  Connection* connection = nullptr;  // loop thread only; null once it is closed
  std::atomic<bool> closed = false;
};

// Shared by the producer of a stream and the connection. Threads: any.
struct StreamState {
  std::atomic<std::size_t> backlog = 0;  // bytes handed over and not yet taken by the kernel
  std::atomic<std::size_t> posted = 0;   // tasks in the mailbox: later calls must not overtake them
  std::atomic<bool> gone = false;        // nobody will read what is written now
};

class ConnectionExchange final : public Exchange {
 public:
  struct Facts {
    std::uint64_t sequence;  // which request of the connection
    std::size_t max_stream_backlog;
    bool http10;
    bool streamed_body;
  };
  ConnectionExchange(std::shared_ptr<Link> link, Request request, Facts facts)
      : link_(std::move(link)), request_(std::move(request)), facts_(facts) {}
  ~ConnectionExchange() override;

  const Request& request() const override { return request_; }
  void respond(Response response) override;
  bool start_stream(Response head) override;
  bool write(std::string_view chunk) override;
  void finish() override;
  void on_disconnect(std::move_only_function<void()> callback) override;
  void read_body(BodyPiece done) override;
  void respond_file(Response head, FileBody file) override;
  void on_writable(std::move_only_function<void()> ready) override;

 private:
  enum class State { kOpen, kStarting, kStreaming, kDone };

  bool advance(State from, State to) { return state_.compare_exchange_strong(from, to); }
  // Calls task(connection) on the loop, after every earlier task of this stream; never when the
  // connection is gone.
  template <class Task>
  void deliver_in_order(Task task);

  std::shared_ptr<Link> link_;
  const Request request_;
  const Facts facts_;
  std::atomic<State> state_ = State::kOpen;
  std::atomic<bool> whole_body_given_ = false;
  std::shared_ptr<StreamState> stream_;  // written in kStarting, only read afterwards
};

}  // namespace ae::net::internal
