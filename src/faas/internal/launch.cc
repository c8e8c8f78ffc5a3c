#include "faas/internal/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "faas/internal/environment.h"
#include "faas/internal/launch_doors.h"
#include "faas/internal/peer.h"
#include "faas/internal/runtime.h"
#include "faas/internal/sweep.h"

namespace ae::faas {
namespace {

constexpr const char* kApiAddress = "127.0.0.1";
constexpr std::uint16_t kApiPort = 9001;  // Lambda's own

std::filesystem::path runtime_folder(const FaasOptions& options) {
  return options.run_folder / "runtime";
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
  return write_runtime_clients(runtime_folder(options));
}

// AE_STATE_DIR as the machine sees it.
Result<std::filesystem::path> make_state_folder(const FaasOptions& options,
                                                const dag::FunctionSpec& function) {
  const std::string& name = function.runtime.state.empty() ? function.name : function.runtime.state;
  std::filesystem::path folder = options.state_folder / folder_name(name);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("cannot make the state folder {} of {}: {}", folder.string(),
                            function.name, error.message()));
  }
  return folder;
}

bool has(const std::vector<std::string>& entries, std::string_view name) {
  return std::ranges::any_of(entries, [&](const std::string& entry) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
  });
}

// A function's own settings win.
void add_defaults(std::vector<std::string>& entries,
                  const std::map<std::string, std::string>& variables) {
  for (const auto& [name, value] : variables) {
    if (!has(entries, name)) entries.push_back(name + "=" + value);
  }
}

void replace(std::vector<std::string>& entries,
             const std::map<std::string, std::string>& variables) {
  for (const auto& [name, value] : variables) {
    std::erase_if(entries, [&](const std::string& entry) { return has({entry}, name); });
    entries.push_back(name + "=" + value);
  }
}

}  // namespace

std::string marker_of(const std::string& socket_path) { return socket_entry(socket_path); }

Launcher::Launcher(FaasOptions options) : options_(std::move(options)) {}
Launcher::~Launcher() = default;

Result<std::unique_ptr<Launcher>> Launcher::create(FaasOptions options) {
  AE_CHECK(prepare_run_folder(options));
  std::unique_ptr<Launcher> launcher(new Launcher(std::move(options)));
  AE_TRY(launcher->sandbox_, Sandbox::create(launcher->options_));
  if (launcher->sandbox_->active()) {
    AE_TRY(launcher->relay_, Relay::start());
  }
  return launcher;
}

std::vector<Protection> Launcher::protections() const { return sandbox_->protections(); }

Result<std::unique_ptr<Worker>> Launcher::launch(const Scheduler::Spawn& order) const {
  const dag::FunctionSpec& function = *order.function;
  const auto* package = std::get_if<dag::LocalPackage>(&function.binding);
  if (package == nullptr) {
    return fail(ErrorCode::kFailedPrecondition, function.name + " is no local package");
  }
  std::error_code error;
  if (!std::filesystem::is_directory(package->folder, error)) {
    return fail(ErrorCode::kNotFound, fmt::format("the code of {} is gone: there is no folder {}",
                                                  function.name, package->folder));
  }
  const std::string socket = (options_.run_folder / fmt::format("w{}.sock", order.worker)).string();
  AE_TRY(const std::filesystem::path state, make_state_folder(options_, function));
  WorkerPlace place = place_of(*package, socket, state);
  AE_TRY(RuntimeCommand command, runtime_command(options_, function, place));
  const bool foreign = command.client == RuntimeClient::kForeign;
  LoopbackListener tcp;
  if (foreign && !sandbox_->active()) {
    AE_TRY(tcp, listen_on_loopback());
    place.api_address = tcp.address;
  }
  ProcessSpec process{
      .arguments = std::move(command.arguments),
      .environment = worker_environment(function, place, SystemClock::instance().now()),
      .folder = package->folder,
      .memory_mb = function.runtime.memory_mb + command.extra_memory_mb,
      .marker = marker_of(socket)};
  if (options_.s3 && function.runtime.s3 && options_.s3_environment) {
    add_defaults(process.environment, options_.s3_environment(function.name));
  }
  AE_TRY(const auto secrets, secrets_of(function));
  replace(process.environment, secrets);
  if (sandbox_->active()) AE_CHECK(confine(order, socket, state, foreign, process));
  AE_TRY(std::unique_ptr<Worker> worker,
         Worker::start({.id = order.worker,
                        .socket_path = socket,
                        .process = std::move(process),
                        .max_response_bytes = options_.max_response_bytes,
                        .max_log_bytes = options_.max_log_bytes}));
  if (tcp.socket) AE_CHECK(worker->add_listener(std::move(tcp.socket), Peers::kOfSession));
  return worker;
}

WorkerPlace Launcher::place_of(const dag::LocalPackage& package, const std::string& socket,
                               const std::filesystem::path& state) const {
  if (sandbox_->active()) {
    return {.task_folder = Sandbox::kTask,
            .runtime_folder = Sandbox::kRuntime,
            .state_folder = Sandbox::kState,
            .layers = {Sandbox::kLayers},
            .socket = Sandbox::kSocket,
            .api_address = fmt::format("{}:{}", kApiAddress, kApiPort)};
  }
  return {.task_folder = package.folder,
          .runtime_folder = runtime_folder(options_),
          .state_folder = state,
          .layers = {package.layers.rbegin(), package.layers.rend()},
          .socket = socket,
          .api_address = "unix:" + socket};
}

Result<std::map<std::string, std::string>> Launcher::secrets_of(
    const dag::FunctionSpec& function) const {
  std::map<std::string, std::string> secrets;
  for (const std::string& name : function.runtime.secrets) {
    std::optional<std::string> value = options_.secret ? options_.secret(name) : std::nullopt;
    if (!value) {
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("function {} needs the secret {}, which is not set; set it with: "
                              "ae secret set {}",
                              function.name, name, name));
    }
    secrets.emplace(name, *std::move(value));
  }
  return secrets;
}

Result<void> Launcher::confine(const Scheduler::Spawn& order, const std::string& socket,
                               const std::filesystem::path& state, bool foreign,
                               ProcessSpec& process) const {
  const dag::FunctionSpec& function = *order.function;
  const auto& package = std::get<dag::LocalPackage>(function.binding);
  SandboxRequest request{.name = fmt::format("w{}", order.worker),
                         .memory_mb = process.memory_mb,
                         .code = package.folder,
                         .layers = {package.layers.rbegin(), package.layers.rend()},
                         .runtime_folder = runtime_folder(options_),
                         .state_folder = state,
                         .socket = socket,
                         .listeners = {},
                         .hosts = {}};
  if (foreign) request.listeners.push_back({.address = kApiAddress, .port = kApiPort});
  AE_TRY(Doors doors, make_doors(options_, function, request.listeners));
  request.listeners.insert(request.listeners.end(), doors.listeners.begin(), doors.listeners.end());
  request.hosts = std::move(doors.hosts);
  add_defaults(process.environment, doors.environment);
  process.confinement = sandbox_->confine(request);
  process.confinement->own_listeners = foreign ? 1 : 0;
  if (doors.targets.empty()) return {};
  process.confinement->others =
      [relay = relay_, group = order.worker, targets = std::move(doors.targets)](
          std::vector<UniqueFd> listeners) { relay->add(group, std::move(listeners), targets); };
  process.confinement->lasts_as_long = std::shared_ptr<void>(
      nullptr, [relay = relay_, group = order.worker](void*) { relay->remove(group); });
  return {};
}

}  // namespace ae::faas
