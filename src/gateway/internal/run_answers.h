// Answers about runs, given at once or when the run is over.
#pragma once

#include <chrono>

#include "execute/run.h"
#include "gateway/internal/core.h"
#include "gateway/internal/route.h"

namespace ae::gateway {

// execute::to_json() with `links`; file names in stack traces lose their folders.
Json run_json(const Core& core, const execute::RunState& state);
Json run_links(const Core& core, const execute::RunId& id, std::string_view workflow,
               execute::RunStatus status);

// What ?wait= or Prefer: wait= asks for, at most ApiOptions::max_wait; `otherwise` without them.
std::chrono::milliseconds wait_of(const Core& core, const Call& call,
                                  std::chrono::milliseconds otherwise);

enum class AnswerStyle {
  kRun,       // 200 with the run, whatever became of it
  kStarted,   // 202 while it runs, else 200; Location
  kEndpoint,  // 200 with the outputs; 202 while it runs; 424 when it failed
};

// Answers when the run is over or `wait` is used up, whichever comes first; no thread waits, and a
// caller who goes away is forgotten. May read the journal: not for event loops.
void answer_run(const CorePtr& core, const CallPtr& call, const execute::RunId& id,
                std::chrono::milliseconds wait, AnswerStyle style);

}  // namespace ae::gateway
