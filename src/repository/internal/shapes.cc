// Schemas of values, and what two schemas have in common.
#include <algorithm>
#include <string>
#include <vector>

#include "repository/infer.h"

namespace ae::repository {
namespace {

constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kMaxMembers = 200;
constexpr std::size_t kMaxItems = 100;  // of a list; the rest is like them

std::vector<std::string> types_of(const Json& schema) {
  std::vector<std::string> types;
  const Json* type = json::find(schema, "type");
  if (type == nullptr) return types;
  if (type->is_string()) return {type->get<std::string>()};
  if (!type->is_array()) return types;
  for (const Json& one : *type) {
    if (one.is_string()) types.push_back(one.get<std::string>());
  }
  return types;
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

Json members_of(const Json& schema) {
  const Json* properties = json::find(schema, "properties");
  return properties != nullptr && properties->is_object() ? *properties : Json::object();
}

std::vector<std::string> required_of(const Json& schema) {
  std::vector<std::string> names;
  const Json* required = json::find(schema, "required");
  if (required == nullptr || !required->is_array()) return names;
  for (const Json& name : *required) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

Json schema_of(const Json& value, std::size_t depth) {
  Json schema{{"type", json::type_name(value)}};
  if (depth >= kMaxDepth) return schema;
  if (value.is_object()) {
    Json properties = Json::object();
    Json required = Json::array();
    for (const auto& [name, member] : value.items()) {
      if (properties.size() == kMaxMembers) break;
      properties[name] = schema_of(member, depth + 1);
      required.push_back(name);
    }
    schema["properties"] = std::move(properties);
    if (!required.empty()) schema["required"] = std::move(required);
  } else if (value.is_array() && !value.empty()) {
    Json items = schema_of(value[0], depth + 1);
    for (std::size_t i = 1; i < std::min(value.size(), kMaxItems); ++i) {
      items = either_schema(items, schema_of(value[i], depth + 1));
    }
    if (!items.empty()) schema["items"] = std::move(items);
  }
  return schema;
}

// integer and number are number.
std::vector<std::string> joined(std::vector<std::string> types,
                                const std::vector<std::string>& more) {
  for (const std::string& type : more) {
    if (!contains(types, type)) types.push_back(type);
  }
  if (contains(types, "number")) std::erase(types, "integer");
  return types;
}

}  // namespace

Json schema_of_values(const std::vector<Json>& values) {
  Json schema = Json::object();
  bool first = true;
  for (const Json& value : values) {
    Json one = schema_of(value, 0);
    schema = first ? std::move(one) : either_schema(schema, one);
    first = false;
  }
  return schema;
}

Json either_schema(const Json& a, const Json& b) {
  const auto types = types_of(a);
  const auto others = types_of(b);
  if (types.empty() || others.empty()) return Json::object();
  const auto all = joined(types, others);
  Json schema{{"type", all.size() == 1 ? Json(all.front()) : Json(all)}};
  if (contains(all, "object")) {
    // Of a type that only one of them has, that one knows the members.
    const bool both = contains(types, "object") && contains(others, "object");
    if (!both) {
      const Json& known = contains(types, "object") ? a : b;
      for (const char* key : {"properties", "required"}) {
        if (const Json* value = json::find(known, key)) schema[key] = *value;
      }
    } else {
      Json properties = members_of(a);
      for (const auto& [name, member] : members_of(b).items()) {
        if (const Json* own = json::find(properties, name)) {
          properties[name] = either_schema(*own, member);
        } else if (properties.size() < kMaxMembers) {
          properties[name] = member;
        }
      }
      Json required = Json::array();
      const auto needed = required_of(b);
      for (const std::string& name : required_of(a)) {
        if (contains(needed, name)) required.push_back(name);
      }
      schema["properties"] = std::move(properties);
      if (!required.empty()) schema["required"] = std::move(required);
    }
  }
  if (contains(all, "array")) {
    const Json* left = json::find(a, "items");
    const Json* right = json::find(b, "items");
    // An empty list says nothing of its items.
    Json items = left == nullptr    ? right == nullptr ? Json::object() : *right
                 : right == nullptr ? *left
                                    : either_schema(*left, *right);
    if (!items.empty()) schema["items"] = std::move(items);
  }
  return schema;
}

Json refined(const Json& guess, const Json& seen) {
  const auto seen_types = types_of(seen);
  if (seen_types.empty()) return guess;
  Json result = guess.is_object() ? guess : Json::object();
  const auto types = types_of(guess);
  auto all = types.empty() ? seen_types : joined(types, seen_types);
  // A whole number that was seen does not make a number whole, nor the reverse.
  result["type"] = all.size() == 1 ? Json(all.front()) : Json(all);
  if (contains(seen_types, "object")) {
    Json properties = members_of(result);
    const bool knew_members = !properties.empty();
    const auto always = required_of(seen);
    for (const auto& [name, member] : members_of(seen).items()) {
      const Json* own = json::find(properties, name);
      if (own == nullptr && properties.size() >= kMaxMembers) continue;
      properties[name] = own == nullptr ? member : refined(*own, member);
    }
    Json required = Json::array();
    for (const std::string& name : knew_members ? required_of(guess) : always) {
      if (contains(always, name)) required.push_back(name);
    }
    result["properties"] = std::move(properties);
    result.erase("required");
    if (!required.empty()) result["required"] = std::move(required);
  }
  if (const Json* items = json::find(seen, "items")) {
    const Json* own = json::find(result, "items");
    result["items"] = own == nullptr ? *items : refined(*own, *items);
  }
  return result;
}

}  // namespace ae::repository
