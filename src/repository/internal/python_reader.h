// Python handlers, read by Python: its parser knows the language.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "json/json.h"

namespace ae::repository::internal {

// Sends `request` to src/repository/inference's program and returns its answer. The code is parsed
// in a process of its own: isolated mode, no environment, 512 MB, 5 s of processor and 10 s of
// time, no file written. Errors: kFailedPrecondition (no interpreter), kResourceExhausted,
// kInvalidArgument (it ended without an answer).
Result<Json> ask_python(const std::filesystem::path& python, const Json& request);

extern const std::string_view kReadPython;  // the program

}  // namespace ae::repository::internal
