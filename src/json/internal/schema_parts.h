// Reading a schema document: what the validator, the schema checker and the subtyping share.
#pragma once

#include <re2/re2.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace ae::json::internal {

// The target of a local reference ("#", "#/$defs/a"), percent escapes decoded; nullptr otherwise.
const Json* resolve(const Json& root, std::string_view reference);

// The value of a number, exactly: long double holds every 64-bit integer and every double.
long double number(const Json& value);
// 3 and 3.0, not 3.5.
bool is_integer(const Json& value);
// In Unicode code points, as JSON Schema counts.
std::size_t text_length(std::string_view text);
bool is_multiple(const Json& value, const Json& divisor);
// The keyword's value as a count, or `otherwise` when the keyword is absent or no count.
std::size_t count_or(const Json& schema, std::string_view keyword, std::size_t otherwise);

// Positional item schemas: prefixItems, or items in the array form of draft 7.
std::span<const Json> prefix_items(const Json& schema);
// The schema of the items after the positional ones, nullptr when there is none.
const Json* rest_items(const Json& schema);

// Options for every pattern: quiet, bounded memory, matching in linear time.
const RE2::Options& pattern_options();

// True when the value belongs to the JSON Schema type of that name.
bool has_type(const Json& value, std::string_view type);

// A short rendering for messages: `the string "abc"`, `an array of 3 items`.
std::string brief(const Json& value);

// `; did you mean "color"?`, or "" when no name is near.
std::string did_you_mean(std::string_view wanted, const std::vector<std::string>& names);
// The strings among an array's items.
std::vector<std::string> strings_in(const Json& values);

}  // namespace ae::json::internal
