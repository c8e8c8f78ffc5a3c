// What a worker process sees: its environment and its command line, as Lambda sets them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "dag/function_spec.h"

namespace ae::faas {

// All paths as the function's processes see them.
struct WorkerPlace {
  std::filesystem::path task_folder;     // LAMBDA_TASK_ROOT: the package
  std::filesystem::path runtime_folder;  // LAMBDA_RUNTIME_DIR: our runtime clients
  std::filesystem::path state_folder;    // AE_STATE_DIR: the function's own
  // Where layers are: "/opt" where they can be laid over it, else each layer's own folder, the one
  // that wins first.
  std::vector<std::filesystem::path> layers{};
  std::string socket;       // AE_RUNTIME_SOCKET: the path at which our own clients find us
  std::string api_address;  // AWS_LAMBDA_RUNTIME_API, for all others: "127.0.0.1:9001"
};

inline constexpr const char* kRegion = "us-east-1";

// "AE_RUNTIME_SOCKET=<path>", which also marks a worker's descendants (internal/sweep.h), so a
// function's own settings never replace the reserved names.
std::string socket_entry(const std::string& socket);

// "NAME=value" entries: Lambda's, AE_STATE_DIR, then the function's own, which may replace PATH,
// TZ, LANG and the like but no reserved name. Entries that no environment can hold are left out.
std::vector<std::string> worker_environment(const dag::FunctionSpec& function,
                                            const WorkerPlace& place, WallTime now);

std::string function_arn(const std::string& name);

// One X-Ray trace for all invocations of a run: "Root=1-…;Parent=…;Sampled=0".
std::string trace_header(const std::string& run_id, const std::string& request_id);

// The name as a single path component that stays inside its folder.
std::string folder_name(const std::string& function_name);

}  // namespace ae::faas
