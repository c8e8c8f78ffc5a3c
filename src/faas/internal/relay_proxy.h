// What a client asks of an HTTP proxy: a tunnel (CONNECT), or one plain request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ae::faas {

struct ProxyRequest {
  std::string host;  // lower case, without brackets
  std::uint16_t port = 0;
  bool tunnel = false;
  // What goes to that host first: the request as a server expects it, closing the connection after
  // it; "" for a tunnel.
  std::string head;
  bool operator==(const ProxyRequest&) const = default;
};

inline constexpr std::size_t kMaxProxyHead = 16UL << 10U;

// `received` begins with the request. nullopt: its head has not come in full. Otherwise `consumed`
// says where the head ends. Errors: kInvalidArgument, for whatever is no request to a proxy;
// kResourceExhausted for a head beyond kMaxProxyHead.
Result<std::optional<ProxyRequest>> parse_proxy_request(std::string_view received,
                                                        std::size_t& consumed);

}  // namespace ae::faas
