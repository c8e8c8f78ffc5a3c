// What a response looks like on the wire.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace ae::net::internal {

enum class BodyFraming {
  kLength,      // Content-Length
  kChunked,     // Transfer-Encoding: chunked
  kUntilClose,  // HTTP/1.0 streams: the end of the connection ends the body
};

struct HeadFacts {
  BodyFraming framing = BodyFraming::kLength;
  std::size_t body_bytes = 0;  // for kLength: what GET would send, also for HEAD
  bool keep_alive = true;
  bool http10 = false;
  std::string_view date;  // an IMF-fixdate
};

// True for statuses that never have a body (204, 304).
bool is_bodiless(int status);

// Appends status line and headers. Those that are the server's business (Content-Length,
// Transfer-Encoding, Connection, Date, Keep-Alive) are left out of response.headers.
void append_head(std::string& out, const Response& response, const HeadFacts& facts);

// "" when the response can be sent, else what is wrong: a final status outside 200..599, or a
// header that could end the head early and so forge a second response.
std::string find_fault(const Response& response);

// An error of the server's own making as application/problem+json (RFC 9457). detail is plain
// ASCII without quotes or control characters, or is escaped here.
Response problem_response(int status, std::string_view detail);

}  // namespace ae::net::internal
