#pragma once

#include "gateway/internal/core.h"
#include "gateway/internal/route.h"
#include "generate/generation.h"

namespace ae::gateway {

// Plans body.query. Ends early when the caller leaves, the server stops, or
// ApiOptions::planning_deadline is over. Errors: generate_embedded()'s.
Result<generate::Generation> plan(const CorePtr& core, const CallPtr& call);

// generate::to_json() with `effects` and `links`.
Json plan_json(const Core& core, const generate::Generation& generation);

}  // namespace ae::gateway
