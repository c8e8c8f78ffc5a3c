#include "faas/internal/launch.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>
#include <variant>

#include "faas/internal/environment.h"
#include "faas/internal/peer.h"
#include "faas/internal/runtime.h"
#include "faas/internal/sweep.h"

namespace ae::faas {
namespace {

std::filesystem::path runtime_folder(const FaasOptions& options) {
  return options.run_folder / "runtime";
}

}  // namespace

std::string marker_of(const std::string& socket_path) { return socket_entry(socket_path); }

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
  return write_runtime_clients(runtime_folder(options));
}

Result<std::unique_ptr<Worker>> launch_worker(const FaasOptions& options,
                                              const Scheduler::Spawn& order) {
  const dag::FunctionSpec& function = *order.function;
  const std::string socket = (options.run_folder / fmt::format("w{}.sock", order.worker)).string();
  const auto* package = std::get_if<dag::LocalPackage>(&function.binding);
  if (package == nullptr) {
    return fail(ErrorCode::kFailedPrecondition, function.name + " is no local package");
  }
  WorkerPlace place{.task_folder = package->folder,
                    .runtime_folder = runtime_folder(options),
                    .state_folder = options.state_folder / folder_name(function.name),
                    .socket = socket,
                    .api_address = "unix:" + socket};
  std::error_code error;
  std::filesystem::create_directories(place.state_folder, error);
  if (error) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("cannot make the state folder {} of {}: {}",
                            place.state_folder.string(), function.name, error.message()));
  }
  for (auto layer = package->layers.rbegin(); layer != package->layers.rend(); ++layer) {
    place.layers.emplace_back(*layer);
  }
  AE_TRY(RuntimeCommand command, runtime_command(options, *package, place));
  LoopbackListener tcp;
  if (command.client == RuntimeClient::kForeign) {
    AE_TRY(tcp, listen_on_loopback());
    place.api_address = tcp.address;
  }
  AE_TRY(std::unique_ptr<Worker> worker,
         Worker::start({.id = order.worker,
                        .socket_path = socket,
                        .process = {.arguments = std::move(command.arguments),
                                    .environment = worker_environment(
                                        function, place, SystemClock::instance().now()),
                                    .folder = package->folder,
                                    .memory_mb = function.runtime.memory_mb},
                        .max_response_bytes = options.max_response_bytes,
                        .max_log_bytes = options.max_log_bytes}));
  if (tcp.socket) AE_CHECK(worker->add_listener(std::move(tcp.socket), Peers::kOfSession));
  return worker;
}

}  // namespace ae::faas
