// From bindings and known values to a function's input, and from results to a run's outputs.
#pragma once

#include <functional>

#include "base/result.h"
#include "dag/function_spec.h"
#include "dag/workflow.h"
#include "json/json.h"

namespace ae::execute {

// The output of a finished node; nullptr when it has none.
using OutputOf = std::function<const Json*(const dag::NodeId&)>;

// An input that the caller left out and that has no default makes its parameter absent (inside a
// list or object: that item or member).
// Errors: kUserFunction when a producer's result lacks the bound field, naming node and field.
Result<Json> resolve_arguments(const dag::Bindings& arguments, const Json& input,
                               const OutputOf& output_of);

// The caller's input with the schema's defaults filled in, checked against the workflow's inputs
// schema. Errors: kInvalidArgument listing each violation with its pointer.
Result<Json> prepare_input(const Json& inputs_schema, const Json& input);

// "/size: expected an integer, …; /name: …", or "" when `value` fits. A schema that says nothing
// ({} or true: an unproven function) fits everything.
std::string violations(const Json& schema, const Json& value);

// The event that the function's handler wants (RuntimeSettings::event): the input itself, or the
// request that API Gateway would make of it. Such a request holds the input as the JSON text of its
// body, and its scalars as texts among the query's and the path's parameters. Threads: pure.
Json event_for(const dag::FunctionSpec& function, Json input);

}  // namespace ae::execute
