// HTTP/1.x bytes to Requests: Beast's parser behind checks that are stricter than its own where
// two servers could read one message differently (request smuggling, RFC 9112 section 11.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_message.h"

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
    kComplete,  // take() the request; the next feed() starts another
    kRejected,  // answer with rejection() and close: where the next request begins is unknown
  };
  struct Step {
    Progress progress;
    std::size_t consumed;
  };
  struct Rejection {
    int status = 400;
    std::string detail;
  };

  explicit RequestParser(Limits limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // input: everything received and not yet consumed. After kRejected the parser is spent.
  Step feed(std::string_view input);

  Request take();
  const Rejection& rejection() const;
  bool in_body() const;     // the head is complete, the body is not
  bool keep_alive() const;  // of the request completed last
  bool http10() const;      // of the request completed last

 private:
  class Machine;
  Step feed_machine(std::string_view input, std::size_t before);
  Step reject(int status, std::string detail);
  // Position after the empty line that ends the head, or 0 when it has not arrived or is broken.
  std::size_t find_head_end(std::string_view input);

  Limits limits_;
  std::size_t scanned_ = 0;  // bytes of the head known to hold no end and no broken line
  std::unique_ptr<Machine> machine_;
};

}  // namespace ae::net::internal
