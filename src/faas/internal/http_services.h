// Functions that answer at a URL: the event is POSTed as JSON, the response's JSON is the result.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/thread_pool.h"
#include "faas/internal/scheduler.h"
#include "net/http_client.h"

namespace ae::faas {

// A few threads, each of which waits for one answer; connections are kept and used again.
// Threads: any; `done` comes on a thread of the pool, or of the caller of submit() and cancel().
class HttpServices final {
 public:
  struct Limits {
    std::size_t threads = 16;  // so many calls at a time; others wait
    std::size_t max_queued = 10'000;
    std::size_t max_response_bytes = 6UL << 20U;
  };

  explicit HttpServices(Limits limits) : limits_(limits) {}
  // Calls under way end as kCancelled, within about a second.
  ~HttpServices();
  HttpServices(const HttpServices&) = delete;
  HttpServices& operator=(const HttpServices&) = delete;

  // The function's binding is a dag::HttpService. Answers as FaasEngine::invoke() does.
  void submit(PendingPtr pending);
  // The answer comes at once; the request is given up soon after.
  void cancel(const std::string& request_id);

 private:
  struct Call {
    PendingPtr pending;  // null once it is answered
    std::stop_source stop;
    SteadyTime begun;
  };
  using CallPtr = std::shared_ptr<Call>;

  void run(const CallPtr& call);
  void answer(const CallPtr& call, execute::InvocationResult result);
  PendingPtr take(Call& call);
  std::unique_ptr<net::HttpClient> borrow(const std::string& origin);
  void give_back(const std::string& origin, std::unique_ptr<net::HttpClient> client);

  const Limits limits_;
  std::mutex mutex_;
  bool stopping_ = false;
  std::unordered_map<std::string, CallPtr> calls_;                                // by request id
  std::map<std::string, std::vector<std::unique_ptr<net::HttpClient>>> clients_;  // by origin
  std::unique_ptr<ThreadPool> pool_;  // made for the first call; last, as its threads use the rest
};

}  // namespace ae::faas
