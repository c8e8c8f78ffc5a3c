// The engine without a model: plan, retrieve, solve, verify.
#pragma once

#include <span>
#include <string_view>

#include "base/call_context.h"
#include "generate/generation.h"
#include "plan/query.h"
#include "repository/repository.h"

namespace ae::generate {

// Deterministic: same repository, same query, same answer. A query that cannot be served is an
// answer (its status says so), not an error. `files` lie in a bucket already. Threads: any.
// Errors: kInvalidArgument (empty query, not UTF-8), kResourceExhausted (too long), the context's,
// the repository's.
Result<Generation> generate_embedded(std::string_view query,
                                     const repository::Repository& repository,
                                     const CallContext& context,
                                     std::span<const plan::Attachment> files = {});

}  // namespace ae::generate
