// HTTP/1.x bytes to a request without its body: Beast's parser for heads, behind checks that are
// stricter than its own where two servers could read one message differently (request smuggling,
// RFC 9112 section 11.2). For servers that read the body in a way of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "net/http_message.h"

namespace ae::net {

struct RequestHead {
  Request request;  // its body is empty
  bool keep_alive = false;
  bool http10 = false;
  bool expects_continue = false;
  bool chunked = false;  // see ChunkedDecoder; else the body has content_length bytes
  std::uint64_t content_length = 0;
};

struct RequestRejection {
  int status = 400;
  std::string detail;
};

// Threads: one at a time.
class RequestHeadReader final {
 public:
  enum class Progress {
    kNeedMore,
    kComplete,  // take() the head; the next feed() starts another
    kRejected,  // answer with rejection() and close: where the next request begins is unknown
  };
  struct Step {
    Progress progress;
    std::size_t consumed;
  };

  explicit RequestHeadReader(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // input: everything received and not yet consumed. After kRejected the reader is spent.
  Step feed(std::string_view input);

  RequestHead take() { return std::move(head_); }
  const RequestRejection& rejection() const { return rejection_; }

 private:
  Step reject(int status, std::string detail);
  Step parse(std::string_view text, std::size_t skipped);
  // Position after the empty line that ends the head; 0 when it has not arrived, or when a line is
  // broken: then rejection_ says so.
  std::size_t find_head_end(std::string_view input);

  std::size_t max_bytes_;
  RequestHead head_;
  RequestRejection rejection_;
  std::size_t scanned_ = 0;  // bytes of the head known to hold no end and no broken line
};

}  // namespace ae::net
