// Blocking HTTP client for tools and tests (libcurl). Threads: one at a time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"
#include "net/http_message.h"

namespace ae::net {

struct ClientLimits {
  std::size_t max_response_bytes = 64UL << 20U;
};

// What ends a stream before its deadline; looked at about once a second while nothing comes.
struct StreamLimits {
  std::stop_token stop{};              // kCancelled
  std::chrono::milliseconds stall{0};  // not a byte for so long: kDeadlineExceeded; 0: any wait
};

class HttpClient final {
 public:
  // base_url: "http://127.0.0.1:8000"; with unix_socket the host part is only a name.
  // Proxies from the environment are ignored for loopback and Unix sockets.
  explicit HttpClient(std::string base_url, std::string unix_socket = {}, ClientLimits limits = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any HTTP status is a Response; only transport faults are errors.
  // Errors: kUnavailable (nobody listens, connection lost), kDeadlineExceeded,
  // kResourceExhausted (response too large), kInvalidArgument (bad URL).
  Result<Response> send(const Request& request, Deadline deadline = Deadline::never());

  // Server-sent events and other streams: on_chunk gets bytes as they arrive and returns false to
  // stop (then the result is what came so far, body empty).
  Result<Response> stream(const Request& request,
                          const std::function<bool(std::string_view)>& on_chunk,
                          Deadline deadline = Deadline::never(), const StreamLimits& limits = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ae::net
