#include "faas/internal/relay_proxy.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace ae::faas {
namespace {

constexpr std::uint16_t kHttpPort = 80;

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c != '\x7f'; });
}

// "host:port", "host", "[v6]:port"
Result<void> read_authority(std::string_view text, std::uint16_t default_port,
                            ProxyRequest& request) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad("the address has no closing bracket");
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':')
      return bad("nothing may follow the bracket but a port");
    if (!port.empty()) port.remove_prefix(1);
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  constexpr std::string_view kHostMarks = "-._:";
  const bool good = !host.empty() && host.size() <= 255 && std::ranges::all_of(host, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kHostMarks.find(c) != std::string_view::npos;
  });
  if (!good) return bad("the request names no host");
  request.host = to_lower(host);
  while (request.host.ends_with('.')) request.host.pop_back();
  if (request.host.empty()) return bad("the request names no host");
  request.port = default_port;
  if (port.empty()) return default_port != 0 ? Result<void>{} : bad("the request names no port");
  const char* end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, request.port);
  if (error != std::errc{} || stop != end || request.port == 0) return bad("that is no port");
  return {};
}

// The lines that a server should see. Those that are between the client and the proxy stay here.
Result<std::string> headers_for_server(std::string_view lines) {
  std::string kept;
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) ||
        line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      return bad("a header line is malformed");
    }
    const std::string name = to_lower(line.substr(0, colon));
    if (name == "connection" || name == "keep-alive" || name.starts_with("proxy-")) continue;
    kept.append(line).append("\r\n");
  }
  return kept;
}

}  // namespace

Result<std::optional<ProxyRequest>> parse_proxy_request(std::string_view received,
                                                        std::size_t& consumed) {
  const std::size_t end = received.substr(0, kMaxProxyHead).find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (received.size() < kMaxProxyHead) return std::optional<ProxyRequest>{};
    return fail(ErrorCode::kResourceExhausted, "the request's head is too long");
  }
  consumed = end + 4;
  std::string_view lines = received.substr(0, end + 2);
  const std::string_view first = lines.substr(0, lines.find("\r\n"));
  lines.remove_prefix(first.size() + 2);
  const auto words = split(first, ' ');
  if (words.size() != 3 || !is_token(words[0]) || !is_visible(words[1]) ||
      (words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0")) {
    return bad("that is no HTTP request");
  }
  ProxyRequest request;
  if (words[0] == "CONNECT") {
    request.tunnel = true;
    AE_CHECK(read_authority(words[1], 0, request));
    return std::optional(std::move(request));
  }
  constexpr std::string_view kScheme = "http://";
  if (to_lower(words[1].substr(0, kScheme.size())) != kScheme) {
    return bad("only CONNECT host:port and http:// URLs are served here");
  }
  const std::string_view rest = words[1].substr(kScheme.size());
  const std::size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
  AE_CHECK(read_authority(rest.substr(0, slash), kHttpPort, request));
  std::string path(rest.substr(slash));
  if (path.empty() || path.front() != '/') path.insert(0, "/");
  AE_TRY(const std::string headers, headers_for_server(lines));
  request.head.append(words[0]).append(" ").append(path).append(" HTTP/1.1\r\n");
  request.head.append(headers).append("Connection: close\r\n\r\n");
  return std::optional(std::move(request));
}

}  // namespace ae::faas
