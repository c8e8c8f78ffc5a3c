#include "gateway/internal/core.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "net/http_message.h"

namespace ae::gateway {
namespace {

// Requests that may wait for a pool. A waiting one costs its body (8 MB at worst, a few KB as a
// rule); a plan takes milliseconds, so that 256 are still answered within seconds.
constexpr std::size_t kMaxQueuedReads = 4096;
constexpr std::size_t kMaxQueuedPlans = 256;

ApiOptions normalized(ApiOptions options) {
  while (options.public_url.ends_with('/')) options.public_url.pop_back();
  const std::size_t scheme = options.public_url.find("://");
  options.allowed_origins.push_back(options.public_url);
  options.allowed_hosts.push_back(
      scheme == std::string::npos ? options.public_url : options.public_url.substr(scheme + 3));
  for (std::string& host : options.allowed_hosts) host = to_lower(host);
  for (std::string& origin : options.allowed_origins) origin = to_lower(origin);
  return options;
}

}  // namespace

Core::Core(Services services_in, ApiOptions options_in)
    : services(services_in),
      options(normalized(std::move(options_in))),
      workers_(std::make_unique<ThreadPool>(options.worker_threads, kMaxQueuedReads)),
      planners_(std::make_unique<ThreadPool>(options.planning_threads, kMaxQueuedPlans)),
      timer_(std::make_unique<execute::Timer>()) {}

Core::~Core() = default;

bool Core::post(Lane lane, std::move_only_function<void()> task) {
  const std::shared_lock lock(parts_mutex_);
  ThreadPool* pool = lane == Lane::kPlanner ? planners_.get() : workers_.get();
  return pool != nullptr && pool->post(std::move(task));
}

execute::Timer::Token Core::after(std::chrono::milliseconds delay,
                                  std::move_only_function<void()> callback) {
  const std::shared_lock lock(parts_mutex_);
  if (timer_ == nullptr) return 0;
  return timer_->at(std::chrono::steady_clock::now() + delay, std::move(callback));
}

void Core::cancel_timer(execute::Timer::Token token) {
  const std::shared_lock lock(parts_mutex_);
  if (timer_ != nullptr && token != 0) timer_->cancel(token);
}

std::uint64_t Core::add(const std::shared_ptr<Pending>& pending) {
  std::uint64_t token = 0;
  {
    const std::lock_guard lock(pending_mutex_);
    token = next_token_++;
    pending_.emplace(token, pending);
  }
  // close() sets the flag before it looks at the list, so one of the two sees the other.
  if (closing()) pending->abandon();
  return token;
}

void Core::remove(std::uint64_t token) {
  const std::lock_guard lock(pending_mutex_);
  pending_.erase(token);
}

std::size_t Core::pending() const {
  const std::lock_guard lock(pending_mutex_);
  return pending_.size();
}

void Core::start_heartbeat() {
  {
    const std::lock_guard lock(pending_mutex_);
    if (std::exchange(beating_, true)) return;
  }
  after(options.heartbeat, [weak = weak_from_this()] {
    if (const CorePtr core = weak.lock()) core->beat();
  });
}

void Core::beat() {
  std::vector<std::shared_ptr<Pending>> all;
  {
    const std::lock_guard lock(pending_mutex_);
    beating_ = false;
    for (const auto& [token, pending] : pending_) {
      if (auto live = pending.lock()) all.push_back(std::move(live));
    }
  }
  for (const auto& pending : all) pending->heartbeat();
  if (!all.empty()) start_heartbeat();
}

void Core::close() {
  closing_ = true;
  stop_.request_stop();
  std::unique_ptr<ThreadPool> workers;
  std::unique_ptr<ThreadPool> planners;
  std::unique_ptr<execute::Timer> timer;
  {
    const std::unique_lock lock(parts_mutex_);
    workers = std::move(workers_);
    planners = std::move(planners_);
    timer = std::move(timer_);
  }
  timer.reset();
  planners.reset();  // both finish what they accepted
  workers.reset();
  std::vector<std::shared_ptr<Pending>> owed;
  {
    const std::lock_guard lock(pending_mutex_);
    for (const auto& [token, pending] : pending_) {
      if (auto live = pending.lock()) owed.push_back(std::move(live));
    }
  }
  for (const auto& pending : owed) pending->abandon();
}

bool Core::host_allowed(std::string_view host) const {
  return std::ranges::find(options.allowed_hosts, to_lower(host)) != options.allowed_hosts.end();
}

bool Core::origin_allowed(std::string_view origin) const {
  return std::ranges::find(options.allowed_origins, to_lower(origin)) !=
         options.allowed_origins.end();
}

std::string workflow_path(std::string_view id) {
  return "/v1/workflows/" + net::percent_encode(id);
}
std::string run_path(std::string_view id) { return "/v1/runs/" + net::percent_encode(id); }
std::string function_path(std::string_view name) {
  return "/v1/functions/" + net::percent_encode(name);
}
std::string endpoint_path(std::string_view id) { return "/api/" + net::percent_encode(id); }

}  // namespace ae::gateway
