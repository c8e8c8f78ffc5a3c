// One home folder, opened: every part of the product made and wired, in the order of dependence.
#pragma once

#include <memory>

#include "base/result.h"
#include "cli/connection.h"

namespace ae::apps {

// Opens the databases, starts the FaaS engine and the orchestrator. The caller owns the home
// folder's lock. Errors: what could not be opened, and how to mend it.
Result<std::unique_ptr<cli::Instance>> open_instance(const cli::Config& config);

}  // namespace ae::apps
