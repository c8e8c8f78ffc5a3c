// From the engine's options to a running worker.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "faas/faas_engine.h"
#include "faas/internal/environment.h"
#include "faas/internal/relay.h"
#include "faas/internal/sandbox.h"
#include "faas/internal/scheduler.h"
#include "faas/internal/worker.h"

namespace ae::faas {

// What an engine needs to start workers: the run folder and the sandbox. Threads: any, but see
// Process::spawn().
class Launcher final {
 public:
  // Makes the run folder, writes the runtime clients, ends and removes what an earlier server that
  // was killed left there, and finds out what can shut functions in. Errors: kPermissionDenied;
  // those of Sandbox::create().
  static Result<std::unique_ptr<Launcher>> create(FaasOptions options);
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // Errors: those of Worker::start(); kPermissionDenied for the function's state folder;
  // kFailedPrecondition for a secret that is not set; kInvalidArgument for egress that says
  // nothing.
  Result<std::unique_ptr<Worker>> launch(const Scheduler::Spawn& order) const;
  std::vector<Protection> protections() const;

 private:
  explicit Launcher(FaasOptions options);
  WorkerPlace place_of(const dag::LocalPackage& package, const std::string& socket,
                       const std::filesystem::path& state) const;
  Result<std::map<std::string, std::string>> secrets_of(const dag::FunctionSpec& function) const;
  Result<void> confine(const Scheduler::Spawn& order, const std::string& socket,
                       const std::filesystem::path& state, bool foreign,
                       ProcessSpec& process) const;

  const FaasOptions options_;
  std::unique_ptr<Sandbox> sandbox_;
  std::shared_ptr<Relay> relay_;  // only with a sandbox
};

// What the environment of each of the worker's descendants begins an entry with (internal/sweep.h).
std::string marker_of(const std::string& socket_path);

}  // namespace ae::faas
