// The HTTP requests that a worker sends to its Runtime API, piece by piece, from net's parser for
// heads and chunked bodies.
//
// Not net::HttpServer, because of what that costs here: a thread of its own for each socket and two
// hand-overs between threads for each invocation, where one is what the warm call's time is made of
// (internal/supervisor.h). And a body beyond the limit does not end the connection, since its
// worker is sound and stays: it is thrown away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/chunked_decoder.h"
#include "net/http_message.h"
#include "net/request_head.h"

namespace ae::faas {

struct ApiRequest {
  net::Request request;
  net::Headers trailers{};         // of a chunked body
  std::size_t oversize_bytes = 0;  // length of a body beyond the limit, as far as it is known
  bool keep_alive = true;
};

// Threads: one at a time.
class RequestReader final {
 public:
  static constexpr std::size_t kMaxHeaderBytes = 64UL << 10U;  // a trailer may hold an error

  enum class Progress {
    kNeedMore,
    kContinue,  // the sender waits for "100 Continue"; call next() again
    kComplete,  // take() it; one with too large a body is complete as soon as that is known, so
                // that whoever waits for it need not wait for the rest
    kRejected,  // answer with rejection() and close
  };

  explicit RequestReader(std::size_t max_body_bytes)
      : max_body_bytes_(max_body_bytes), heads_(kMaxHeaderBytes) {}

  void append(std::string_view bytes);
  Progress next();
  ApiRequest take();
  const net::RequestRejection& rejection() const { return rejection_; }

 private:
  Progress begin(net::RequestHead head);
  Progress read_body();
  Progress read_chunks(std::string_view input);
  Progress reject(int status, std::string_view detail);
  std::string_view unread() const { return std::string_view(buffer_).substr(consumed_); }
  void forget_consumed();

  const std::size_t max_body_bytes_;
  net::RequestHeadReader heads_;
  net::RequestRejection rejection_;
  std::string buffer_;
  std::size_t consumed_ = 0;
  ApiRequest current_;
  bool in_body_ = false;
  bool skips_ = false;                         // of a body whose request was already taken
  std::uint64_t body_left_ = 0;                // when there is a Content-Length
  std::optional<net::ChunkedDecoder> chunks_;  // when there is none
};

}  // namespace ae::faas
