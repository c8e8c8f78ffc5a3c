// The ways out of a sandbox: which sockets it needs inside, where each leads, and what a function's
// environment has to say about it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "dag/function_spec.h"
#include "faas/faas_engine.h"
#include "faas/internal/relay.h"
#include "faas/internal/sandbox.h"

namespace ae::faas {

struct Doors {
  std::vector<SandboxListener> listeners;
  std::vector<RelayTarget> targets;  // one for each listener
  std::string hosts;                 // lines for /etc/hosts
  std::map<std::string, std::string> environment;
};

// A declared "host:port" becomes an address of the sandbox's own loopback, which /etc/hosts gives
// to that name, so that programs connect to it as to the host itself; declared patterns become an
// HTTP proxy, named by HTTP_PROXY and HTTPS_PROXY. `taken`: what else listens inside already.
// Errors: kInvalidArgument for egress that says nothing, or too much of it.
Result<Doors> make_doors(const FaasOptions& options, const dag::FunctionSpec& function,
                         const std::vector<SandboxListener>& taken);

}  // namespace ae::faas
