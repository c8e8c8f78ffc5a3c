// Parses the HTTP/1.1 requests that a worker sends, piece by piece.
//
// Not net::HttpServer, because of what that costs here: a thread of its own for each socket and two
// hand-overs between threads for each invocation, where one is what the warm call's time is made of
// (internal/supervisor.h). Bodies need a Content-Length; pipelining is understood.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_message.h"

namespace ae::faas {

struct WorkerRequest {
  net::Request request;
  std::size_t oversize_bytes = 0;  // length of a body beyond the limit, which is thrown away
};

// Threads: one at a time.
class RequestParser final {
 public:
  static constexpr std::size_t kMaxHeaderBytes = 16UL << 10U;

  explicit RequestParser(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  void append(std::string_view bytes);
  // The next complete request; nullopt until more bytes come. One with too large a body counts as
  // complete when its length is known: whoever waits for it need not wait for the rest. After an
  // error the connection has no known state any more and must be closed. Errors: kInvalidArgument
  // (not HTTP/1.1), kResourceExhausted (header too long), kUnimplemented (Transfer-Encoding).
  Result<std::optional<WorkerRequest>> next();

 private:
  Result<void> parse_head(std::string_view head);
  Result<void> parse_request_line(std::string_view line);
  Result<void> parse_header(std::string_view line);

  const std::size_t max_body_bytes_;
  std::string buffer_;
  std::size_t consumed_ = 0;  // bytes of buffer_ that belong to requests already returned
  std::optional<WorkerRequest> current_;  // its head is complete
  std::optional<std::size_t> body_bytes_;
  std::size_t to_skip_ = 0;  // of the body that is thrown away
};

}  // namespace ae::faas
