// What a resumption forgets, and what it keeps.
#pragma once

#include "base/result.h"
#include "execute/internal/run_machine.h"
#include "execute/orchestrator.h"

namespace ae::execute {

// The kRunResumed event of `request`, without sequence and time. Errors: Orchestrator::resume()'s.
// With another input a recorded step keeps its result while its arguments stay the same; whether
// they do, downstream of a step that runs again, shows only later: such steps are `recheck`.
// Threads: pure.
Result<Event> plan_resume(const RunMachine& run, const ResumeRequest& request);

}  // namespace ae::execute
