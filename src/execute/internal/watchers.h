// Who wants to hear of which run, whether or not it is in memory. Callbacks run on one thread, one
// at a time, in the order in which things became durable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/thread_pool.h"
#include "execute/orchestrator.h"
#include "execute/run.h"

namespace ae::execute {

// Threads: any.
class Watchers final {
 public:
  Watchers();
  ~Watchers();
  Watchers(const Watchers&) = delete;
  Watchers& operator=(const Watchers&) = delete;

  // Live events are kept back until catch_up() has brought the earlier ones. The two may overlap:
  // by their numbers each is passed on once.
  std::uint64_t subscribe(const RunId& run, std::int64_t after_sequence,
                          Orchestrator::OnEvent on_event);
  void catch_up(std::uint64_t token, std::vector<Event> earlier);
  // Called by the next finished() of the run, once.
  std::uint64_t wait(const RunId& run, Orchestrator::Finished finished);
  // Calls this one now, unless finished() was first.
  void finish_one(std::uint64_t token, std::shared_ptr<const RunState> state);
  void forget(std::uint64_t token);

  void publish(const RunId& run, const Event& event);
  void finished(const RunId& run, const std::shared_ptr<const RunState>& state);
  // Calls what is queued and waits for it; what comes later is dropped. Not from a callback.
  void stop();
  // Any other callback, in the same order.
  void call(std::move_only_function<void()> callback);

 private:
  class Watcher;
  using WatcherPtr = std::shared_ptr<Watcher>;

  std::uint64_t add(const RunId& run, WatcherPtr watcher);
  WatcherPtr find(std::uint64_t token) const;
  std::vector<WatcherPtr> of_run(const RunId& run) const;

  mutable std::mutex mutex_;
  std::uint64_t last_token_ = 0;
  bool stopped_ = false;
  std::unordered_map<RunId, std::vector<WatcherPtr>> by_run_;
  std::unordered_map<std::uint64_t, WatcherPtr> by_token_;
  ThreadPool thread_;  // last: its tasks use the above
};

}  // namespace ae::execute
