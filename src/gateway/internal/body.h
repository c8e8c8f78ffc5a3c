// Bodies and parameters of requests, checked against what the route table says of them.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dag/diagnostic.h"
#include "gateway/internal/route.h"
#include "json/json.h"

namespace ae::gateway {

// A refusal: what Call::fail() needs.
struct Refusal {
  int status = 400;
  std::string code;
  std::string title;
  std::string detail;
  std::vector<dag::Diagnostic> diagnostics;
};

// Fills call.query and call.body. An empty body is {}.
std::optional<Refusal> read_call(const Route& route, Call& call);

// Violations of an object schema, one diagnostic each: missing_member, unknown_member, wrong_type,
// invalid_value; pointers begin with `prefix`. Threads: pure.
std::vector<dag::Diagnostic> check_value(const Json& schema, const Json& value,
                                         std::string_view prefix = "");

// The same for the input of a workflow or function; absent members with a default are filled in.
// Codes: missing_input instead of missing_member.
std::vector<dag::Diagnostic> check_input(const Json& schema, Json& input,
                                         std::string_view prefix = "");

// "a: …; b: …" for the detail of a problem, at most three of them.
std::string summarize(const std::vector<dag::Diagnostic>& diagnostics);

}  // namespace ae::gateway
