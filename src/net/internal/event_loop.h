// One thread, one io_context, the connections dealt to it, and the clock that cuts off slow peers.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "net/http_server.h"
#include "net/internal/listener.h"
#include "net/internal/mailbox.h"

namespace ae::net::internal {

class Connection;

// What all loops of a server share. Threads: any.
struct ServerContext {
  Handler handler;
  BodyPolicy body_policy;
  ServerLimits limits;

  void connection_opened() { ++connections; }
  void connection_closed();
  // False when some are left after `patience`.
  bool wait_until_empty(std::chrono::milliseconds patience);

  std::atomic<std::size_t> connections = 0;
  std::mutex mutex;
  std::condition_variable empty;
};

enum class Admission { kServe, kTurnAway };  // kTurnAway: answered with 503 and closed

class EventLoop final {
 public:
  explicit EventLoop(ServerContext& server);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Threads: any.
  void start();  // throws std::system_error when no thread can be had
  void adopt(UniqueFd socket, int family, Admission admission);
  void begin_stop();   // idle connections close, the others after their answer
  void finish_stop();  // everything closes
  void join();
  std::size_t load() const { return load_.load(std::memory_order_relaxed); }
  boost::asio::io_context& context() { return context_; }

  // The following are for the loop's own thread.
  const ServerContext& server() const { return server_; }
  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }
  bool stopping() const { return stopping_; }
  std::string_view http_date();
  std::string& scratch() { return scratch_; }
  // Calls connection.proceed() from the loop, once the current batch of tasks is done: several
  // answers or chunks leave in one write, and no handler runs inside another's respond().
  void proceed_later(std::shared_ptr<Connection> connection);
  void forget(Connection& connection);

 private:
  void run();
  void drain_mailbox();
  void proceed_all();
  void open(UniqueFd socket, int family, Admission admission);
  void schedule_tick();
  void tick();

  ServerContext& server_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer ticker_;
  std::chrono::milliseconds tick_;
  bool ticking_ = false;
  bool stopping_ = false;
  bool draining_ = false;
  std::shared_ptr<Mailbox> mailbox_;
  std::vector<Mailbox::Task> batch_;
  std::vector<std::shared_ptr<Connection>> to_proceed_;
  std::vector<std::shared_ptr<Connection>> proceeding_;  // to_proceed_, while it is worked off
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::atomic<std::size_t> load_ = 0;
  std::string scratch_;
  std::string date_;
  std::chrono::sys_seconds date_of_{};
  std::thread thread_;
};

}  // namespace ae::net::internal
