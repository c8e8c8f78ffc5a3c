// What all handlers share: the services, the pools, one timer, and the answers still owed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/thread_pool.h"
#include "execute/timer.h"
#include "gateway/api.h"
#include "gateway/internal/route.h"

namespace ae::gateway {

// An answer that waits for something: a run to finish, an event, a function. Threads: any.
class Pending {
 public:
  virtual ~Pending() = default;
  // The server stops: answer now with what is known. Later calls do nothing.
  virtual void abandon() = 0;
  // Called every 15 s: keeps quiet streams alive and notices dead ones.
  virtual void heartbeat() {}
};

// Threads: any. Shared by everything under way; ~Api calls close(), and whatever comes later finds
// no pool, no timer and `closing()`, and touches no service.
class Core final : public std::enable_shared_from_this<Core> {
 public:
  Core(Services services, ApiOptions options);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Services services;
  const ApiOptions options;

  // False when the lane's queue is full or the gateway is closing. Not for kInline.
  [[nodiscard]] bool post(Lane lane, std::move_only_function<void()> task);
  // 0 when closing.
  execute::Timer::Token after(std::chrono::milliseconds delay,
                              std::move_only_function<void()> callback);
  void cancel_timer(execute::Timer::Token token);

  // Remembers an answer that is owed until remove(). When closing it is abandoned at once.
  std::uint64_t add(const std::shared_ptr<Pending>& pending);
  void remove(std::uint64_t token);
  std::size_t pending() const;

  void start_heartbeat();  // idempotent

  std::stop_token stop_token() const { return stop_.get_token(); }
  bool closing() const { return closing_.load(); }
  void close();

  // Absolute URL of a path that begins with '/'.
  std::string url(std::string_view path) const { return options.public_url + std::string(path); }
  bool host_allowed(std::string_view host) const;
  bool origin_allowed(std::string_view origin) const;

 private:
  void beat();

  std::atomic<bool> closing_{false};
  std::stop_source stop_;
  std::shared_mutex parts_mutex_;  // guards the three pointers, never held while they are joined
  std::unique_ptr<ThreadPool> workers_;
  std::unique_ptr<ThreadPool> planners_;
  std::unique_ptr<execute::Timer> timer_;
  mutable std::mutex pending_mutex_;
  std::uint64_t next_token_ = 1;
  std::unordered_map<std::uint64_t, std::weak_ptr<Pending>> pending_;
  bool beating_ = false;
};

// Paths of things, percent-encoded.
std::string workflow_path(std::string_view id);
std::string run_path(std::string_view id);
std::string function_path(std::string_view name);
std::string endpoint_path(std::string_view id);

}  // namespace ae::gateway
