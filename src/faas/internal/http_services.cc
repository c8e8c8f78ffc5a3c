#include "faas/internal/http_services.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "faas/internal/environment.h"
#include "faas/internal/outcome.h"

namespace ae::faas {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::size_t kMaxIdleClients = 64;  // over all addresses

struct Url {
  std::string origin;  // "http://host:port"
  std::string target;  // "/path?query"
};

Url split_url(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t path = std::min(url.find_first_of("/?#", host), url.size());
  std::string target = url.substr(path, url.find('#', path) - path);
  if (!target.starts_with('/')) target.insert(target.begin(), '/');
  return {.origin = url.substr(0, path), .target = std::move(target)};
}

net::Request request_of(Pending& pending, const std::string& target) {
  const execute::Invocation& invocation = pending.invocation;
  net::Request request{.method = "POST", .target = target, .headers = {}, .body = {}};
  request.headers = {
      {"Content-Type", "application/json"},
      {"Accept", "application/json"},
      {"X-Request-Id", invocation.request_id},
      {"X-Amzn-Trace-Id", invocation.trace_id.empty()
                              ? trace_header(invocation.run_id, invocation.request_id)
                              : invocation.trace_id}};
  if (!invocation.idempotency_key.empty()) {
    request.headers.emplace_back("Idempotency-Key", invocation.idempotency_key);
  }
  request.body = std::move(pending.payload);
  return request;
}

// The caller's deadline and the function's own limit, whichever comes first.
struct TimeLimit {
  milliseconds time;
  bool callers;
};
TimeLimit time_limit(const execute::Invocation& invocation) {
  const milliseconds own = invocation.function->runtime.timeout;
  if (invocation.deadline.is_never()) return {own, false};
  const milliseconds left = duration_cast<milliseconds>(invocation.deadline.remaining());
  return left < own ? TimeLimit{left, true} : TimeLimit{own, false};
}

Outcome outcome_of(Result<net::Response> response, const TimeLimit& limit) {
  if (response) {
    if (response->status >= 300) return http_failure(response->status, response->body);
    if (response->body.empty()) response->body = "null";
    return HandlerResponse{.body = std::move(response->body)};
  }
  if (response.error().code == ErrorCode::kDeadlineExceeded && !limit.callers) {
    return timed_out(limit.time);
  }
  return std::move(response).error();
}

execute::InvocationResult cancelled(std::string_view why) {
  execute::InvocationResult result;
  result.fault = Error{ErrorCode::kCancelled, std::string(why), {}};
  return result;
}

// Collects a response, and stops reading when it grows too large.
Result<net::Response> send(net::HttpClient& client, const net::Request& request, milliseconds time,
                           std::size_t max_bytes, const std::stop_token& stop,
                           std::size_t& oversize_bytes) {
  std::string body;
  const auto on_chunk = [&](std::string_view bytes) {
    body += bytes;
    if (body.size() > max_bytes) oversize_bytes = body.size();
    return oversize_bytes == 0;
  };
  AE_TRY(net::Response response,
         client.stream(request, on_chunk, Deadline::after(time), {.stop = stop}));
  response.body = std::move(body);
  return response;
}

}  // namespace

HttpServices::~HttpServices() {
  std::vector<CallPtr> calls;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [id, call] : calls_) calls.push_back(call);
  }
  for (const CallPtr& call : calls) {
    call->stop.request_stop();
    answer(call, cancelled("the engine is stopping"));
  }
  pool_.reset();
}

void HttpServices::submit(PendingPtr pending) {
  auto call = std::make_shared<Call>();
  call->begun = SystemClock::instance().steady_now();
  std::optional<Error> refused;
  {
    const std::lock_guard lock(mutex_);
    const std::string& id = pending->invocation.request_id;
    if (stopping_) {
      refused = Error{ErrorCode::kCancelled, "the engine is stopping", {}};
    } else if (calls_.contains(id)) {
      refused = Error{ErrorCode::kAlreadyExists,
                      fmt::format("an invocation with the request id {} is already under way", id),
                      {}};
    } else {
      if (!pool_) pool_ = std::make_unique<ThreadPool>(limits_.threads, limits_.max_queued);
      if (pool_->post([this, call] { run(call); })) {
        calls_.emplace(id, call);
      } else {
        refused = Error{ErrorCode::kResourceExhausted,
                        "too many calls of HTTP functions wait already; try again later",
                        {}};
      }
    }
    if (!refused) {
      call->pending = std::move(pending);
      return;
    }
  }
  execute::InvocationResult result;
  result.fault = *std::move(refused);
  pending->done(std::move(result));
}

void HttpServices::cancel(const std::string& request_id) {
  CallPtr call;
  {
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(request_id);
    if (found == calls_.end()) return;
    call = found->second;
  }
  call->stop.request_stop();
  answer(call, cancelled("the invocation was cancelled; the service may still be at work"));
}

PendingPtr HttpServices::take(Call& call) {
  const std::lock_guard lock(mutex_);
  PendingPtr pending = std::move(call.pending);
  if (pending) calls_.erase(pending->invocation.request_id);
  return pending;
}

void HttpServices::answer(const CallPtr& call, execute::InvocationResult result) {
  const PendingPtr pending = take(*call);
  if (!pending) return;  // somebody else was quicker
  result.duration = duration_cast<milliseconds>(SystemClock::instance().steady_now() - call->begun);
  pending->done(std::move(result));
}

void HttpServices::run(const CallPtr& call) {
  Url url;
  net::Request request;
  TimeLimit limit{};
  std::shared_ptr<const dag::FunctionSpec> function;
  {
    const std::lock_guard lock(mutex_);
    if (!call->pending) return;  // cancelled while it waited
    function = call->pending->invocation.function;
    url = split_url(std::get_if<dag::HttpService>(&function->binding)->url);
    limit = time_limit(call->pending->invocation);
    request = request_of(*call->pending, url.target);
  }
  std::unique_ptr<net::HttpClient> client = borrow(url.origin);
  std::size_t oversize_bytes = 0;
  Result<net::Response> response = send(*client, request, limit.time, limits_.max_response_bytes,
                                        call->stop.get_token(), oversize_bytes);
  const bool reusable = response.has_value() && oversize_bytes == 0;
  if (reusable) give_back(url.origin, std::move(client));
  Outcome outcome = oversize_bytes > 0
                        ? Outcome(HandlerResponse{.body = {}, .oversize_bytes = oversize_bytes})
                        : outcome_of(std::move(response), limit);
  answer(call,
         shape(std::move(outcome), *function, limits_.max_response_bytes, execute::Answer::kWhole));
}

std::unique_ptr<net::HttpClient> HttpServices::borrow(const std::string& origin) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = clients_.find(origin);
    if (found != clients_.end()) {
      std::unique_ptr<net::HttpClient> client = std::move(found->second.back());
      found->second.pop_back();
      if (found->second.empty()) clients_.erase(found);
      return client;
    }
  }
  return std::make_unique<net::HttpClient>(origin);
}

void HttpServices::give_back(const std::string& origin, std::unique_ptr<net::HttpClient> client) {
  const std::lock_guard lock(mutex_);
  std::size_t idle = 0;
  for (const auto& [name, clients] : clients_) idle += clients.size();
  if (idle < kMaxIdleClients) clients_[origin].push_back(std::move(client));
}

}  // namespace ae::faas
