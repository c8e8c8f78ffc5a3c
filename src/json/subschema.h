// Is every value of one schema also a value of another? The proof behind each edge of a workflow.
#pragma once

#include <string>
#include <utility>

#include "json/json.h"
#include "json/schema.h"

namespace ae::json {

enum class Fit {
  kYes,     // proven: every produced value is accepted
  kNarrow,  // same type, but the consumer asks for more (range, pattern, enum, format): guarded at
            // run time
  kNo,      // proven or practically certain to clash (string into integer, missing required field)
};

struct FitResult {
  Fit fit = Fit::kYes;
  std::string reason;   // empty for kYes; "integer has no overlap with string", ...
  std::string pointer;  // where in the consumer's schema, RFC 6901
};

// Sound and incomplete: kYes is a proof; a construct that it cannot reason about is kNarrow.
// An absent or empty schema ({} or true) accepts anything; as a producer it is kNarrow towards a
// typed consumer. Threads: pure.
FitResult is_subschema(const Json& produced, const Json& consumed);
FitResult is_subschema(const SchemaPart& produced, const SchemaPart& consumed);

// The schema of the member `path` ("a" or "a.b") of an object schema, following local $ref;
// nullptr when the schema does not declare it. `optional` is set when it may be absent. References
// inside the result are relative to `schema`: pass on SchemaPart{&schema, result}.
const Json* member_schema(const Json& schema, std::string_view path, bool* optional = nullptr);

}  // namespace ae::json
