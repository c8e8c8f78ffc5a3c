#include "faas/internal/relay_egress.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/text.h"

namespace ae::faas {
namespace {

constexpr std::uint16_t kDefaultPort = 443;
constexpr std::size_t kMaxName = 253;

struct Range {
  std::uint32_t first;
  int bits;
};
constexpr std::uint32_t ip(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24U | b << 16U | c << 8U | d;
}
// RFC 6890 and its successors.
constexpr std::array kThisHost{Range{ip(0, 0, 0, 0), 8}, Range{ip(127, 0, 0, 0), 8},
                               Range{ip(169, 254, 0, 0), 16}, Range{ip(224, 0, 0, 0), 4},
                               Range{ip(255, 255, 255, 255), 32}};
constexpr std::array kPrivate{Range{ip(10, 0, 0, 0), 8},     Range{ip(100, 64, 0, 0), 10},
                              Range{ip(172, 16, 0, 0), 12},  Range{ip(192, 0, 0, 0), 24},
                              Range{ip(192, 0, 2, 0), 24},   Range{ip(192, 168, 0, 0), 16},
                              Range{ip(198, 18, 0, 0), 15},  Range{ip(198, 51, 100, 0), 24},
                              Range{ip(203, 0, 113, 0), 24}, Range{ip(240, 0, 0, 0), 4}};

bool is_in(std::uint32_t address, const auto& ranges) {
  return std::ranges::any_of(ranges, [&](const Range& range) {
    return (address ^ range.first) >> (32 - range.bits) == 0;
  });
}

bool may_reach_v4(std::uint32_t address, Reach reach) {
  if (reach == Reach::kAnywhere) return true;
  if (is_in(address, kThisHost)) return false;
  return reach == Reach::kNotThisHost || !is_in(address, kPrivate);
}

bool may_reach_v6(const in6_addr& address, Reach reach) {
  const std::uint8_t* bytes = address.s6_addr;
  const auto embedded = [&](int at) {
    return ip(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
  };
  // Addresses that stand for an IPv4 address are as good as that one.
  if (IN6_IS_ADDR_V4MAPPED(&address)) return may_reach_v4(embedded(12), reach);
  if (reach == Reach::kAnywhere) return true;
  constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xff, 0x9b};
  if (std::memcmp(bytes, kNat64.data(), kNat64.size()) == 0) {
    return may_reach_v4(embedded(12), reach);
  }
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return may_reach_v4(embedded(2), reach);  // 6to4
  if (std::ranges::all_of(bytes, bytes + 8, [](std::uint8_t byte) { return byte == 0; })) {
    return false;  // ::, ::1 and what was once "compatible"
  }
  if (bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80U)) return false;
  // Globally routed addresses are in 2000::/3; 2001:db8::/32 is for documentation.
  const bool global = (bytes[0] & 0xe0U) == 0x20U && !(bytes[0] == 0x20 && bytes[1] == 0x01 &&
                                                       bytes[2] == 0x0d && bytes[3] == 0xb8);
  return reach == Reach::kNotThisHost || global;
}

bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && name.front() != '-' && name.front() != '.' &&
         name.find("..") == std::string_view::npos && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                  c == '_';
         });
}

std::unexpected<Error> bad(std::string_view text) {
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("egress \"{}\": expected a host name or IPv4 address with a port, such as "
                  "api.example.com:443, or *.example.com:443, or *",
                  shorten(text, 300)));
}

}  // namespace

bool is_ipv4(std::string_view host) {
  in_addr ignored{};
  return ::inet_pton(AF_INET, std::string(host).c_str(), &ignored) == 1;
}

Result<Egress> parse_egress(std::string_view text) {
  Egress egress;
  const std::size_t colon = text.find(':');
  egress.host = to_lower(text.substr(0, colon));
  if (colon == std::string_view::npos) {
    egress.port = egress.host == "*" ? 0 : kDefaultPort;
  } else {
    const std::string_view digits = text.substr(colon + 1);
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, egress.port);
    if (error != std::errc{} || stop != end || egress.port == 0) return bad(text);
  }
  if (egress.is_pattern()) {
    egress.reach = Reach::kPublic;
    const bool rest = egress.host.starts_with("*.") && is_host_name(egress.host.substr(2));
    if (egress.host != "*" && !rest) return bad(text);
    return egress;
  }
  if (!is_host_name(egress.host)) return bad(text);
  if (egress.host.back() == '.') egress.host.pop_back();
  if (egress.host == "localhost" || is_ipv4(egress.host)) egress.reach = Reach::kAnywhere;
  return egress;
}

bool Egress::covers(std::string_view asked_host, std::uint16_t asked_port) const {
  if (port != 0 && asked_port != port) return false;
  if (host == "*") return true;
  if (!is_pattern()) return asked_host == host;
  const std::string_view tail = std::string_view(host).substr(1);  // ".example.com"
  return asked_host.size() > tail.size() && asked_host.ends_with(tail);
}

bool may_reach(const sockaddr& address, Reach reach) {
  if (address.sa_family == AF_INET) {
    return may_reach_v4(ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr),
                        reach);
  }
  return address.sa_family == AF_INET6 &&
         may_reach_v6(reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, reach);
}

}  // namespace ae::faas
