// Requests and responses as values. No transport, no library types.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ae::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Case-insensitive; the first of that name.
std::optional<std::string_view> find_header(const Headers& headers, std::string_view name);

struct Request {
  std::string method;  // upper case
  std::string target;  // as sent: "/v1/runs/r1?wait=1"
  Headers headers;
  std::string body;

  std::string_view path() const;   // up to '?', still percent-encoded
  std::string_view query() const;  // after '?'
  std::optional<std::string_view> header(std::string_view name) const {
    return find_header(headers, name);
  }
  // Decoded value of the first query parameter of that name.
  std::optional<std::string> query_parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers;  // Content-Length, Date, Connection are the server's business
  std::string body;
};

// Errors: kInvalidArgument for a broken %XX sequence.
Result<std::string> percent_decode(std::string_view text);
// RFC 3986 unreserved characters stay, all others become %XX.
std::string percent_encode(std::string_view text);

std::string_view reason_phrase(int status);

}  // namespace ae::net
