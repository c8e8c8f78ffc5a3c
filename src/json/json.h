// JSON values, bounded parsing, printing. The only module that includes the JSON library.
//
// Keys keep the order in which they were written, so what people wrote and what we print stay
// comparable by eye and by `diff`; equality in the mathematical sense is equal().
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ae {

using Json = nlohmann::ordered_json;

}  // namespace ae

namespace ae::json {

// Bounds on what strangers may send. The library's objects are searched linearly, hence max_keys.
struct Limits {
  std::size_t max_bytes = 8UL << 20U;
  std::size_t max_depth = 64;
  std::size_t max_keys = 10'000;  // of one object
};

// RFC 8259, strictly: UTF-8, no duplicate keys, no comments, numbers that fit (an integer beyond
// 64 bits becomes a double; one that overflows a double is an error).
// Errors: kInvalidArgument with line and column; kResourceExhausted for a limit.
Result<Json> parse(std::string_view text, const Limits& limits = {});

// One line. Invalid UTF-8 (from a program's output, say) is replaced, never thrown.
std::string dump(const Json& value);
// Two-space indentation and a final newline.
std::string dump_pretty(const Json& value);
// One line, keys sorted at every level, numbers in their shortest form (1.0 as 1): for hashing.
std::string canonical(const Json& value);

// Equality of JSON values: key order does not matter, 1 equals 1.0.
bool equal(const Json& a, const Json& b);

// "string", "integer", "number", "boolean", "null", "array" or "object".
std::string_view type_name(const Json& value);

// "/nodes/0/arguments" + "a/b" -> "/nodes/0/arguments/a~1b" (RFC 6901).
std::string pointer_append(std::string_view pointer, std::string_view token);
std::string pointer_append(std::string_view pointer, std::size_t index);

// The member, or nullptr: no exception, no insertion, nullptr also when `object` is no object.
const Json* find(const Json& object, std::string_view key);
// The member when it is a string, else `otherwise`.
std::string string_or(const Json& object, std::string_view key, std::string_view otherwise = {});

// The value at an RFC 6901 pointer, or nullptr.
const Json* at_pointer(const Json& value, std::string_view pointer);

}  // namespace ae::json
