#include "execute/internal/watchers.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <limits>
#include <thread>
#include <utility>

namespace ae::execute {

// One registration. Its callbacks come from the one thread, so only forget() needs the lock.
class Watchers::Watcher {
 public:
  Watcher(RunId run, std::int64_t after_sequence, Orchestrator::OnEvent on_event)
      : run_(std::move(run)), last_(after_sequence), on_event_(std::move(on_event)) {}
  Watcher(RunId run, Orchestrator::Finished finished)
      : run_(std::move(run)), finished_(std::move(finished)) {}

  const RunId& run() const { return run_; }
  bool wants_events() const { return static_cast<bool>(on_event_); }
  std::uint64_t token = 0;

  void catch_up(const std::vector<Event>& earlier) {
    for (const Event& event : earlier) pass_on(event);
    caught_up_ = true;
    for (const Event& event : std::exchange(kept_back_, {})) pass_on(event);
  }

  void live(const Event& event) {
    if (caught_up_) {
      pass_on(event);
    } else {
      kept_back_.push_back(event);
    }
  }

  // False when it was called before.
  bool finish(const RunState& state) {
    if (std::exchange(called_, true)) return false;
    if (!begin()) return false;
    finished_(state);
    end();
    return true;
  }

  // Afterwards nothing is called; waits for a call under way, unless it is the caller's own.
  void forget() {
    std::unique_lock lock(mutex_);
    forgotten_ = true;
    idle_.wait(lock, [this] {
      return caller_ == std::thread::id{} || caller_ == std::this_thread::get_id();
    });
  }

 private:
  void pass_on(const Event& event) {
    if (event.sequence <= last_ || !begin()) return;
    last_ = event.sequence;
    on_event_(event);
    end();
  }

  bool begin() {
    const std::lock_guard lock(mutex_);
    if (forgotten_) return false;
    caller_ = std::this_thread::get_id();
    return true;
  }

  void end() {
    const std::lock_guard lock(mutex_);
    caller_ = {};
    idle_.notify_all();
  }

  const RunId run_;
  std::int64_t last_ = 0;
  bool caught_up_ = false;
  bool called_ = false;
  std::deque<Event> kept_back_;
  Orchestrator::OnEvent on_event_;
  Orchestrator::Finished finished_;

  std::mutex mutex_;
  std::condition_variable idle_;
  bool forgotten_ = false;
  std::thread::id caller_;
};

Watchers::Watchers() : thread_(1, std::numeric_limits<std::size_t>::max()) {}
Watchers::~Watchers() = default;

std::uint64_t Watchers::add(const RunId& run, WatcherPtr watcher) {
  const std::lock_guard lock(mutex_);
  watcher->token = ++last_token_;
  by_run_[run].push_back(watcher);
  by_token_.emplace(last_token_, std::move(watcher));
  return last_token_;
}

std::uint64_t Watchers::subscribe(const RunId& run, std::int64_t after_sequence,
                                  Orchestrator::OnEvent on_event) {
  return add(run, std::make_shared<Watcher>(run, after_sequence, std::move(on_event)));
}

std::uint64_t Watchers::wait(const RunId& run, Orchestrator::Finished finished) {
  return add(run, std::make_shared<Watcher>(run, std::move(finished)));
}

Watchers::WatcherPtr Watchers::find(std::uint64_t token) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_token_.find(token);
  return found == by_token_.end() ? nullptr : found->second;
}

std::vector<Watchers::WatcherPtr> Watchers::of_run(const RunId& run) const {
  const std::lock_guard lock(mutex_);
  if (by_run_.empty()) return {};
  const auto found = by_run_.find(run);
  return found == by_run_.end() ? std::vector<WatcherPtr>{} : found->second;
}

void Watchers::catch_up(std::uint64_t token, std::vector<Event> earlier) {
  call([watcher = find(token), earlier = std::move(earlier)] {
    if (watcher != nullptr) watcher->catch_up(earlier);
  });
}

void Watchers::publish(const RunId& run, const Event& event) {
  std::vector<WatcherPtr> watchers = of_run(run);
  std::erase_if(watchers, [](const WatcherPtr& watcher) { return !watcher->wants_events(); });
  if (watchers.empty()) return;
  call([watchers = std::move(watchers), event] {
    for (const WatcherPtr& watcher : watchers) watcher->live(event);
  });
}

void Watchers::finished(const RunId& run, const std::shared_ptr<const RunState>& state) {
  for (const WatcherPtr& watcher : of_run(run)) {
    if (!watcher->wants_events()) finish_one(watcher->token, state);
  }
}

void Watchers::finish_one(std::uint64_t token, std::shared_ptr<const RunState> state) {
  call([this, watcher = find(token), state = std::move(state)] {
    if (watcher != nullptr && watcher->finish(*state)) forget(watcher->token);
  });
}

void Watchers::forget(std::uint64_t token) {
  WatcherPtr watcher;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_token_.find(token);
    if (found == by_token_.end()) return;
    watcher = std::move(found->second);
    by_token_.erase(found);
    const auto run = by_run_.find(watcher->run());
    std::erase(run->second, watcher);
    if (run->second.empty()) by_run_.erase(run);
  }
  watcher->forget();
}

void Watchers::call(std::move_only_function<void()> callback) {
  const std::lock_guard lock(mutex_);
  // The pool is unbounded, so it accepts.
  if (!stopped_) (void)thread_.post(std::move(callback));
}

void Watchers::stop() {
  std::promise<void> drained;
  auto future = drained.get_future();
  call([drained = std::move(drained)]() mutable { drained.set_value(); });
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  future.wait();
}

}  // namespace ae::execute
