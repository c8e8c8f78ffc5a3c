// HTTP/1.x bytes to Requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/chunked_decoder.h"
#include "net/http_message.h"
#include "net/http_server.h"
#include "net/request_head.h"

namespace ae::net::internal {

class RequestParser final {
 public:
  struct Limits {
    std::size_t max_header_bytes;
    std::size_t max_body_bytes;
  };
  enum class Progress {
    kNeedMore,  // nothing else can be read from these bytes
    kContinue,  // the head is complete and its sender waits for "100 Continue"; feed again
    kHead,      // take() the request without its body; feed again, and take_body() what comes
    kComplete,  // take() the request; the next feed() starts another
    kRejected,  // answer with rejection() and close: where the next request begins is unknown
  };
  struct Step {
    Progress progress;
    std::size_t consumed;
  };
  using Rejection = RequestRejection;

  // Without a policy every body is kept whole, and kHead never comes.
  explicit RequestParser(Limits limits, const BodyPolicy* policy = nullptr);

  // input: everything received and not yet consumed. After kRejected the parser is spent.
  Step feed(std::string_view input);

  Request take() { return std::exchange(request_, {}); }
  // What was decoded of a streamed body since the last call.
  std::string take_body() { return std::exchange(request_.body, {}); }
  std::size_t body_bytes() const { return request_.body.size(); }  // that wait for take_body()
  // After kHead: the sender waits for "100 Continue" before it sends the body.
  bool expects_continue() const { return expects_continue_; }
  const Rejection& rejection() const { return rejection_; }
  bool in_body() const { return in_body_; }        // the head is complete, the body is not
  bool keep_alive() const { return keep_alive_; }  // of the request completed last
  bool http10() const { return http10_; }          // of the request completed last

 private:
  Step begin_body(RequestHead head, std::string_view input, std::size_t head_end);
  Step feed_body(std::string_view input, std::size_t before);
  Step reject(int status, std::string detail);
  Step reject_large_body();

  Limits limits_;
  const BodyPolicy* policy_;
  std::uint64_t max_body_bytes_;  // of this request
  RequestHeadReader heads_;
  Request request_;
  Rejection rejection_;
  bool in_body_ = false;
  bool keep_alive_ = false;
  bool http10_ = false;
  bool expects_continue_ = false;
  std::uint64_t body_left_ = 0;  // when there is a Content-Length
  std::optional<ChunkedDecoder> chunks_;
};

}  // namespace ae::net::internal
