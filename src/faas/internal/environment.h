// What a worker process sees: its environment and its command line, as Lambda sets them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "dag/function_spec.h"

namespace ae::faas {

struct WorkerPlace {
  std::filesystem::path runtime_folder;  // the runtime client
  std::filesystem::path state_folder;    // the function's own
  std::string api_address;               // "unix:<path>"
};

inline constexpr const char* kRegion = "us-east-1";

// "unix:<path>" in AWS_LAMBDA_RUNTIME_API also marks a worker's descendants (internal/sweep.h), so
// a function's own settings never replace the reserved names.
std::string runtime_api_entry(const std::string& address);

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
