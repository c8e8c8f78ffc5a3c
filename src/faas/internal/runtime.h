// Which program runs a function, and how that program speaks to us.
//
//   python3.x     our shim, or the package's own awslambdaric where it fits the interpreter
//   nodejsNN.x    our shim, or the package's own aws-lambda-ric
//   provided...   the package's executable `bootstrap`
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dag/function_spec.h"
#include "faas/faas_engine.h"
#include "faas/internal/environment.h"

namespace ae::faas {

enum class Language { kPython, kNode, kCustom };

// nullopt for a runtime that cannot run here.
std::optional<Language> language_of(std::string_view runtime);

enum class RuntimeClient {
  kOurs,     // speaks HTTP over the Unix socket at AE_RUNTIME_SOCKET
  kForeign,  // speaks HTTP over TCP to AWS_LAMBDA_RUNTIME_API
};

struct RuntimeCommand {
  std::vector<std::string> arguments;  // [0]: absolute path, as the function's processes see it
  RuntimeClient client = RuntimeClient::kOurs;
  // Beyond the function's memory setting: what the language's runtime maps before it runs anything.
  std::int64_t extra_memory_mb = 0;
};

// What can be told from the declaration alone. Cheap: each invocation asks.
Result<void> check_declaration(const dag::FunctionSpec& function);

// The package's files, the interpreter, its version. Warns, once for each, of a declared version
// that is not the installed one; an error with strict_runtimes.
Result<void> check_runtime(const FaasOptions& options, const dag::FunctionSpec& function);

// The package's files are looked at where the package says they are; the command's paths are those
// of `place`. Errors of all three: kFailedPrecondition with how to mend it.
Result<RuntimeCommand> runtime_command(const FaasOptions& options,
                                       const dag::FunctionSpec& function, const WorkerPlace& place);

// Writes our runtime clients into that folder.
Result<void> write_runtime_clients(const std::filesystem::path& folder);

}  // namespace ae::faas
