#include "net/internal/event_loop.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <ctime>
#include <exception>
#include <utility>

#include "base/log.h"
#include "net/internal/connection.h"

namespace ae::net::internal {
namespace {

// A quarter of the shortest limit: a peer is cut off at most 25 % late. Not above 250 ms, so that
// the short fixed limits (Connection::kLingerTime) hold as well.
std::chrono::milliseconds tick_length(const ServerLimits& limits) {
  const auto shortest = std::min({limits.header_timeout, limits.body_timeout, limits.idle_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds{5}, std::chrono::milliseconds{250});
}

}  // namespace

void ServerContext::connection_closed() {
  if (--connections > 0) return;
  const std::lock_guard lock(mutex);
  empty.notify_all();
}

bool ServerContext::wait_until_empty(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex);
  return empty.wait_for(lock, patience, [this] { return connections == 0; });
}

EventLoop::EventLoop(ServerContext& server)
    : server_(server),
      context_(1),
      work_(context_.get_executor()),
      ticker_(context_),
      tick_(tick_length(server.limits)),
      mailbox_(std::make_shared<Mailbox>(
          [this] { boost::asio::post(context_, [this] { drain_mailbox(); }); })) {}

EventLoop::~EventLoop() = default;

void EventLoop::start() {
  thread_ = std::thread([this] { run(); });
}

void EventLoop::join() {
  if (thread_.joinable()) thread_.join();
}

void EventLoop::run() {
  // sendfile() to a peer that left raises it; unlike send() it knows no flag against that.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  mailbox_->enter();
  while (true) {
    try {
      context_.run();
      break;
    } catch (const std::exception& error) {
      // Out of memory, in practice. The connection concerned is lost, the others go on.
      log::error("HTTP server: an event failed: {}", error.what());
    }
  }
  mailbox_->leave();
}

void EventLoop::adopt(UniqueFd socket, int family, Admission admission) {
  server_.connection_opened();
  ++load_;
  const bool posted =
      mailbox_->post([this, socket = std::move(socket), family, admission]() mutable {
        open(std::move(socket), family, admission);
      });
  if (posted) return;
  --load_;
  server_.connection_closed();
}

void EventLoop::open(UniqueFd socket, int family, Admission admission) {
  std::shared_ptr<Connection> connection;
  try {
    connection = std::make_shared<Connection>(*this, std::move(socket), family);
    connections_.emplace(connection.get(), connection);
  } catch (const std::exception& error) {
    log::error("HTTP server: a connection was dropped: {}", error.what());
    --load_;
    server_.connection_closed();
    return;
  }
  connection->start(admission);
  schedule_tick();
}

void EventLoop::forget(Connection& connection) {
  if (connections_.erase(&connection) == 0) return;
  --load_;
  server_.connection_closed();
}

void EventLoop::drain_mailbox() {
  draining_ = true;
  mailbox_->take(batch_);
  for (auto& task : batch_) {
    try {
      task();
    } catch (const std::exception& error) {
      log::error("HTTP server: an answer was lost: {}", error.what());
    }
  }
  batch_.clear();
  draining_ = false;
  proceed_all();
}

void EventLoop::proceed_later(std::shared_ptr<Connection> connection) {
  to_proceed_.push_back(std::move(connection));
  if (draining_ || to_proceed_.size() > 1) return;
  boost::asio::post(context_, [this] { proceed_all(); });
}

void EventLoop::proceed_all() {
  proceeding_.swap(to_proceed_);
  for (const auto& connection : proceeding_) connection->proceed();
  proceeding_.clear();
}

void EventLoop::begin_stop() {
  (void)mailbox_->post([this] {
    stopping_ = true;
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [key, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) connection->begin_stop();
  });
}

void EventLoop::finish_stop() {
  (void)mailbox_->post([this] {
    stopping_ = true;
    while (!connections_.empty()) {
      const auto connection = connections_.begin()->second;
      connection->close();
    }
    mailbox_->close();
    ticker_.cancel();
    work_.reset();
  });
}

void EventLoop::schedule_tick() {
  if (ticking_ || connections_.empty()) return;
  ticking_ = true;
  ticker_.expires_after(tick_);
  ticker_.async_wait([this](const boost::system::error_code& error) {
    ticking_ = false;
    if (error) return;
    tick();
    schedule_tick();
  });
}

void EventLoop::tick() {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<Connection>> late;
  for (const auto& [key, connection] : connections_) {
    if (connection->is_late(now)) late.push_back(connection);
  }
  for (const auto& connection : late) connection->time_out();
}

std::string_view EventLoop::http_date() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (now != date_of_ || date_.empty()) {
    date_of_ = now;
    date_ = fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}",
                        fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
  }
  return date_;
}

}  // namespace ae::net::internal
