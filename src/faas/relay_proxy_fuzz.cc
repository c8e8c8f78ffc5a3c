// A proxy's request comes from a function: it names a host or is refused, and what is passed on to
// that host is one request with nothing of the proxy's own.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "faas/internal/relay_proxy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t consumed = 0;
  const auto request = ae::faas::parse_proxy_request(text, consumed);
  if (!request || !*request) return 0;
  const ae::faas::ProxyRequest& asked = **request;
  if (consumed > size || asked.host.empty() || asked.port == 0) std::abort();
  if (asked.tunnel != asked.head.empty()) std::abort();
  // One head: it ends where the first empty line is.
  if (!asked.tunnel && asked.head.find("\r\n\r\n") + 4 != asked.head.size()) std::abort();
  return 0;
}
