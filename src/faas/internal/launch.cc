#include "faas/internal/launch.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>
#include <variant>

#include "base/file.h"
#include "faas/internal/environment.h"
#include "faas/internal/shims.h"
#include "faas/internal/sweep.h"

namespace ae::faas {
namespace {

constexpr const char* kShimName = "python_runtime.py";

std::filesystem::path runtime_folder(const FaasOptions& options) {
  return options.run_folder / "runtime";
}

}  // namespace

std::string marker_of(const std::string& socket_path) {
  return runtime_api_entry("unix:" + socket_path);
}

Result<void> prepare_run_folder(const FaasOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(runtime_folder(options), error);
  if (error) {
    return fail(
        ErrorCode::kPermissionDenied,
        fmt::format("cannot make the folder {}: {}", options.run_folder.string(), error.message()));
  }
  std::filesystem::permissions(options.run_folder, std::filesystem::perms::owner_all, error);
  kill_leftovers(0, marker_of((options.run_folder / "w").string()));
  std::filesystem::directory_iterator entry(options.run_folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().extension() == ".sock") std::filesystem::remove(entry->path(), ignored);
  }
  return write_file_atomically(runtime_folder(options) / kShimName, kPythonRuntime);
}

Result<std::unique_ptr<Worker>> launch_worker(const FaasOptions& options,
                                              const Scheduler::Spawn& order) {
  const dag::FunctionSpec& function = *order.function;
  const std::string socket = (options.run_folder / fmt::format("w{}.sock", order.worker)).string();
  const WorkerPlace place{.runtime_folder = runtime_folder(options),
                          .state_folder = options.state_folder / folder_name(function.name),
                          .api_address = "unix:" + socket};
  std::error_code error;
  std::filesystem::create_directories(place.state_folder, error);
  if (error) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("cannot make the state folder {} of {}: {}",
                            place.state_folder.string(), function.name, error.message()));
  }
  // -s: no packages of the server's user. -B: the package's folder stays as it is.
  return Worker::start({.id = order.worker,
                        .socket_path = socket,
                        .process = {.arguments = {options.python.string(), "-s", "-B",
                                                  (place.runtime_folder / kShimName).string()},
                                    .environment = worker_environment(
                                        function, place, SystemClock::instance().now()),
                                    .folder = std::get<dag::LocalPackage>(function.binding).folder,
                                    .memory_mb = function.runtime.memory_mb},
                        .max_response_bytes = options.max_response_bytes,
                        .max_log_bytes = options.max_log_bytes});
}

}  // namespace ae::faas
