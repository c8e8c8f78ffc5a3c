// From the engine's options to a running worker.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "faas/faas_engine.h"
#include "faas/internal/scheduler.h"
#include "faas/internal/worker.h"

namespace ae::faas {

// Makes the folder, writes the runtime client, and ends and removes what an earlier server that was
// killed left there.
Result<void> prepare_run_folder(const FaasOptions& options);

// Errors: those of Worker::start(); kPermissionDenied for the function's state folder.
Result<std::unique_ptr<Worker>> launch_worker(const FaasOptions& options,
                                              const Scheduler::Spawn& order);

// What the environment of each of the worker's descendants begins an entry with (internal/sweep.h).
std::string marker_of(const std::string& socket_path);

}  // namespace ae::faas
