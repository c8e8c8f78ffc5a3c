// What a function declares that it connects to, and which addresses that may turn out to be.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ae::faas {

// Which addresses a name may have. Names are looked up outside of the sandbox, when a connection is
// made, and whoever owns a name decides what it means: it must not come to mean this machine.
enum class Reach {
  kAnywhere,     // "127.0.0.1:5432", "localhost:5432": the address itself was declared
  kNotThisHost,  // "db.internal:5432": private networks, but neither loopback nor link-local
  kPublic,       // "*.example.com", "*": what nobody has looked at, so no private networks either
};

struct Egress {
  std::string host;        // "api.example.com", "127.0.0.1", "*.example.com", "*"; lower case
  std::uint16_t port = 0;  // 0: every port, only with "*"
  Reach reach = Reach::kNotThisHost;
  bool operator==(const Egress&) const = default;

  bool is_pattern() const { return host.starts_with('*'); }
  // Is that host, at that port, what is declared here?
  bool covers(std::string_view asked_host, std::uint16_t asked_port) const;
};

// "host", "host:port", "*.example.com:443", "*". Errors: kInvalidArgument that says what is
// expected; for IPv6 literals too, which need a name.
Result<Egress> parse_egress(std::string_view text);

bool may_reach(const sockaddr& address, Reach reach);

// Four decimal numbers, as inet_pton() reads them.
bool is_ipv4(std::string_view host);

}  // namespace ae::faas
