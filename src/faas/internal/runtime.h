// Which program runs a function, and how that program speaks to us.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "dag/function_spec.h"
#include "faas/faas_engine.h"
#include "faas/internal/environment.h"

namespace ae::faas {

enum class RuntimeClient {
  kOurs,     // speaks HTTP over the Unix socket at AE_RUNTIME_SOCKET
  kForeign,  // speaks HTTP over TCP to AWS_LAMBDA_RUNTIME_API
};

struct RuntimeCommand {
  std::vector<std::string> arguments;  // [0]: absolute path, as the function's processes see it
  RuntimeClient client = RuntimeClient::kOurs;
};

// The package's files are looked at where the package says they are; the command's paths are those
// of `place`. Errors: kFailedPrecondition with how to mend it.
Result<RuntimeCommand> runtime_command(const FaasOptions& options, const dag::LocalPackage& package,
                                       const WorkerPlace& place);

// Writes our runtime clients into that folder.
Result<void> write_runtime_clients(const std::filesystem::path& folder);

}  // namespace ae::faas
