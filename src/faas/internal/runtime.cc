#include "faas/internal/runtime.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "faas/internal/shims.h"

namespace ae::faas {
namespace {

constexpr const char* kPythonShim = "python_runtime.py";

}  // namespace

Result<RuntimeCommand> runtime_command(const FaasOptions& options, const dag::LocalPackage& package,
                                       const WorkerPlace& place) {
  if (package.runtime.starts_with("provided")) {
    const std::filesystem::path bootstrap = std::filesystem::path(package.folder) / "bootstrap";
    if (::access(bootstrap.c_str(), X_OK) != 0) {
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("{} is missing or not executable", bootstrap.string()));
    }
    return RuntimeCommand{.arguments = {(place.task_folder / "bootstrap").string()},
                          .client = RuntimeClient::kForeign};
  }
  // -s: no packages of the server's user. -B: the package's folder stays as it is.
  return RuntimeCommand{.arguments = {options.python.string(), "-s", "-B",
                                      (place.runtime_folder / kPythonShim).string()},
                        .client = RuntimeClient::kOurs};
}

Result<void> write_runtime_clients(const std::filesystem::path& folder) {
  return write_file_atomically(folder / kPythonShim, kPythonRuntime);
}

}  // namespace ae::faas
