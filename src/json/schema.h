// JSON Schema (2020-12): the vocabulary that data flow is checked with.
//
// Understood: type, enum, const, properties, required, additionalProperties, patternProperties,
// propertyNames, minProperties, maxProperties, items, prefixItems, contains, minContains,
// maxContains, minItems, maxItems, uniqueItems, minLength, maxLength, pattern (RE2: linear time),
// format, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, allOf, anyOf, oneOf,
// not, if/then/else, dependentRequired, dependentSchemas, $defs/definitions with local $ref,
// boolean schemas; of draft 7 also the array form of items with additionalItems. Annotations are
// ignored. Formats checked: date, date-time, time, email, uri, uuid, ipv4; others are annotations.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace ae::json {

struct SchemaViolation {
  std::string pointer;  // into the instance, RFC 6901; "" is the whole value
  std::string keyword;  // "required", "type", ...
  std::string message;  // what is wrong and what would be right, without the pointer
  bool operator==(const SchemaViolation&) const = default;
};

// A part of a schema document; the local references in it are resolved against the whole document.
struct SchemaPart {
  const Json* root;    // never null
  const Json* schema;  // never null
};

// A schema that is nothing but a reference stands for its target; else the part itself.
SchemaPart dereference(const SchemaPart& part);

// All violations (at most 20), in the instance's order; empty means valid. `schema` must have
// passed check_schema(); an unknown construct in it is ignored. A pair that is too costly to judge
// (10 million steps, references 400 deep) counts as invalid, keyword "". Threads: pure.
std::vector<SchemaViolation> validate(const Json& schema, const Json& instance);
std::vector<SchemaViolation> validate(const SchemaPart& part, const Json& instance);

// What is wrong with a schema itself; pointers go into the schema. An unresolvable or cyclic-only
// $ref, a remote $ref, a pattern that RE2 refuses, wrong keyword types. Threads: pure.
std::vector<SchemaViolation> check_schema(const Json& schema);

}  // namespace ae::json
