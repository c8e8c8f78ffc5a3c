// What targets ask of a binding's field and of the workflow's inputs.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dag/function_spec.h"
#include "dag/workflow.h"
#include "json/json.h"

namespace ae::compile {

// The members that lead to a field, outermost first; none for the whole output. A dot separates
// members unless the output's schema declares a member of exactly that name.
struct FieldPath {
  std::vector<std::string> members;
  // The schema knows neither reading; the local run tries the name with its dots first.
  bool ambiguous = false;
};
FieldPath field_path(const Json& output_schema, std::string_view field);

// A property of Workflow::inputs.
struct InputProperty {
  std::string name;
  bool required = false;             // and without a default: a call without it is refused
  std::optional<Json> fallback;      // with the defaults inside it filled in
  std::vector<std::string> types{};  // JSON Schema's names; empty: anything
  // May be left out, and then its parameter is absent.
  bool may_be_absent() const { return !required && !fallback; }
};
// In declared order.
std::vector<InputProperty> input_properties(const Json& inputs_schema);

// The defaults of an object schema's properties, with the defaults inside them filled in: {} when
// there are none.
Json own_defaults(const Json& object_schema);
// Has a member of the property, at any depth, a default? A caller's object is filled up with those.
bool has_inner_defaults(const Json& property_schema);

// nullptr when the workflow declares no such input.
const InputProperty* find_input(const std::vector<InputProperty>& inputs, std::string_view name);

// Is it an input that may be absent? Then the member or item that it feeds may be, too.
bool may_be_absent(const dag::Binding& binding, const std::vector<InputProperty>& inputs);

// How long one attempt of the step may take.
std::chrono::milliseconds timeout_of(const dag::Node& node, const dag::FunctionSpec& function);

// A goal or a name as one line of printable text, for comments.
std::string one_line(std::string_view text);

}  // namespace ae::compile
