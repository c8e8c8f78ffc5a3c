// Pieces of JSONata, as text.
//
// JSONata flattens: [$a, $b] is one list of what both hold when they are lists. Values are
// therefore put together by the definition's own JSON wherever that is possible, and with care
// where it is not: where an absent input makes its member or item absent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace ae::compile::stepfunctions::jsonata {

// 'text' or "text"; never holds "%}", which ends an expression.
std::string string_literal(std::string_view text);
std::string literal(const Json& value);

// `base` (an expression) followed by the names of members: "$x.title", "$x.`first name`".
std::string member(std::string base, std::string_view name);
std::string members(std::string base, const std::vector<std::string>& names);

// A list with exactly `items` (expressions), each as it is, or left out where it has no value.
std::string list(const std::vector<std::string>& items);

// "{% expression %}"
std::string wrapped(std::string_view expression);

// Must this text of a template be written as an expression? Because Step Functions would take it
// for one, or because readers of definitions refuse it (empty, several lines).
bool needs_expression(std::string_view text);

// Usable as a variable: letters, digits, _; not the name of a function or of $states.
std::string variable_name(std::string_view id);

}  // namespace ae::compile::stepfunctions::jsonata
