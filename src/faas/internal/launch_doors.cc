#include "faas/internal/launch_doors.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "faas/internal/sandbox_plan.h"

namespace ae::faas {
namespace {

// 127.77.0.0/16 is loopback as well, and nobody else's.
constexpr const char* kProxyAddress = "127.77.255.1";
constexpr std::uint16_t kProxyPort = 3128;  // the port that proxies have by custom
constexpr std::size_t kMaxNames = 48;

class DoorMaker final {
 public:
  explicit DoorMaker(const std::vector<SandboxListener>& taken) : taken_(taken) {}

  // False when something listens there already.
  bool add(std::string address, std::uint16_t port, RelayTarget target) {
    const auto is_it = [&](const SandboxListener& one) {
      return one.address == address && one.port == port;
    };
    if (std::ranges::any_of(taken_, is_it) || std::ranges::any_of(doors_.listeners, is_it)) {
      return false;
    }
    doors_.listeners.push_back({.address = std::move(address), .port = port});
    doors_.targets.push_back(std::move(target));
    return true;
  }

  // The address that stands for the host inside.
  std::string address_of(const Egress& host) {
    if (is_ipv4(host.host)) return host.host;
    if (host.host == "localhost") return "127.0.0.1";
    auto [found, added] = names_.try_emplace(host.host);
    if (added) {
      found->second = fmt::format("127.77.0.{}", names_.size());
      doors_.hosts += fmt::format("{} {}\n", found->second, host.host);
    }
    return found->second;
  }

  Doors& doors() { return doors_; }

 private:
  const std::vector<SandboxListener>& taken_;
  Doors doors_;
  std::map<std::string, std::string> names_;
};

void add_proxy(DoorMaker& maker, std::vector<Egress> allowed) {
  maker.add(kProxyAddress, kProxyPort, ToProxy{.allowed = std::move(allowed)});
  const std::string url = fmt::format("http://{}:{}", kProxyAddress, kProxyPort);
  for (const char* name : {"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"}) {
    maker.doors().environment[name] = url;
  }
  for (const char* name : {"NO_PROXY", "no_proxy"}) {
    maker.doors().environment[name] = "localhost,127.0.0.1";
  }
}

void add_buckets(DoorMaker& maker, const FaasOptions& options, const dag::FunctionSpec& function) {
  if (!options.s3 || !function.runtime.s3) return;
  const Result<Egress> address = parse_egress(options.s3->address);
  if (address && !address->is_pattern()) {
    maker.add(maker.address_of(*address), address->port,
              ToUnixSocket{.path = options.s3->unix_socket});
  }
}

}  // namespace

Result<Doors> make_doors(const FaasOptions& options, const dag::FunctionSpec& function,
                         const std::vector<SandboxListener>& taken) {
  DoorMaker maker(taken);
  add_buckets(maker, options, function);
  if (function.runtime.egress.size() > kMaxNames) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("function {} declares {} places as egress; {} are possible, or a pattern",
                    function.name, function.runtime.egress.size(), kMaxNames));
  }
  std::vector<Egress> all;
  for (const std::string& text : function.runtime.egress) {
    Result<Egress> egress = parse_egress(text);
    if (!egress) return annotate(std::move(egress).error(), "function " + function.name);
    all.push_back(*std::move(egress));
  }
  for (const Egress& egress : all) {
    if (!egress.is_pattern()) {
      maker.add(maker.address_of(egress), egress.port, ToHost{.host = egress});
    }
  }
  if (std::ranges::any_of(all, &Egress::is_pattern)) add_proxy(maker, all);
  return std::move(maker.doors());
}

}  // namespace ae::faas
