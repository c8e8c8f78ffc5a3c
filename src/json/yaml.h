// YAML as another spelling of JSON: the same values, read and written.
#pragma once

#include <string>
#include <string_view>

#include "json/json.h"

namespace ae::json {

// YAML 1.2's core schema, one document: true/false, null/~, integers and floats are typed when
// unquoted; everything else is a string (yes, on, 2024-01-01 stay strings). Anchors are expanded
// within limits.max_bytes of result; tags other than the core ones, merge keys, duplicate and
// non-string keys are errors. Also reads JSON.
// Errors: kInvalidArgument with line and column; kResourceExhausted for a limit.
Result<Json> parse_yaml(std::string_view text, const Limits& limits = {});

// What becomes of an application's own tags: "!Ref Name", "!Join [a, b]".
enum class LocalTags {
  kRefuse,
  kMember,  // {"!Ref": "Name"}, {"!Join": ["a", "b"]}; a tagged scalar is a string
};
Result<Json> parse_yaml(std::string_view text, LocalTags tags, const Limits& limits = {});

// Block style; any string that a YAML 1.1 or 1.2 reader could take for something else is quoted,
// so parse_yaml(dump_yaml(x)) == x and other readers agree. Ends with a newline.
std::string dump_yaml(const Json& value);

}  // namespace ae::json
