#include "json/internal/producer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "json/internal/schema_parts.h"
#include "json/schema.h"

namespace ae::json::internal {
namespace {

struct TypeName {
  TypeSet types;
  std::string_view name;
};

constexpr std::array kTypeNames{TypeName{kString, "string"}, TypeName{kInteger, "integer"},
                                TypeName{kNumber, "number"}, TypeName{kBoolean, "boolean"},
                                TypeName{kNull, "null"},     TypeName{kArray, "array"},
                                TypeName{kObject, "object"}};

TypeSet types_named(const Json& name) {
  if (!name.is_string()) return 0;
  const auto found =
      std::ranges::find(kTypeNames, name.get_ref<const std::string&>(), &TypeName::name);
  return found == kTypeNames.end() ? 0 : found->types;
}

constexpr std::size_t kDeepest = 64;  // nested references and allOf; beyond it nothing is known
constexpr std::size_t kMostParts = 256;
constexpr std::size_t kMostAlternatives = 32;

const Json& anything() {
  static const Json schema(true);
  return schema;
}

const Json* list_of(const Json& schema, std::string_view keyword) {
  const Json* list = find(schema, keyword);
  return list != nullptr && list->is_array() && !list->empty() ? list : nullptr;
}

bool names_contain(const Json* names, std::string_view name) {
  return names != nullptr && names->is_array() && std::ranges::any_of(*names, [&](const Json& one) {
           return one.is_string() && one.get_ref<const std::string&>() == name;
         });
}

}  // namespace

TypeSet declared_types(const Json& schema) {
  const Json* type = find(schema, "type");
  if (type == nullptr) return kAnyType;
  if (!type->is_array()) return types_named(*type);
  TypeSet types = 0;
  for (const Json& name : *type) types |= types_named(name);
  return types;
}

std::string names_of(TypeSet types) {
  std::vector<std::string> names;
  for (const TypeName& known : kTypeNames) {
    const bool whole = (types & known.types) == known.types;
    const bool part_of_number = known.types == kInteger && (types & kFraction) != 0;
    if (whole && !part_of_number) names.emplace_back(known.name);
  }
  if ((types & kNumber) == kFraction) names.emplace_back("number");
  return names.empty() ? "nothing" : join(names, " or ");
}

void Producer::require(const Json& schema) { require(schema, 0); }

void Producer::require(const Json& schema, std::size_t depth) {
  if (schema.is_boolean()) {
    impossible_ = impossible_ || !schema.get<bool>();
    return;
  }
  if (!schema.is_object() || depth > kDeepest || parts_.size() >= kMostParts) return;
  if (std::ranges::find(parts_, &schema) != parts_.end()) return;
  parts_.push_back(&schema);
  types_ &= possible_types(schema, depth);
  if (const std::string reference = string_or(schema, "$ref"); !reference.empty()) {
    if (const Json* target = resolve(*root_, reference)) require(*target, depth + 1);
  }
  if (const Json* all = list_of(schema, "allOf")) {
    for (const Json& part : *all) require(part, depth + 1);
  }
}

// The types that some value of the schema may have; an over-estimate.
TypeSet Producer::possible_types(const Json& schema, std::size_t depth) const {
  if (schema.is_boolean()) return schema.get<bool>() ? kAnyType : 0;
  TypeSet types = declared_types(schema);
  static constexpr std::size_t kDeepestLook = 2;  // alternatives within alternatives
  if (depth > kDeepestLook) return types;
  for (const std::string_view keyword : {"anyOf", "oneOf"}) {
    const Json* alternatives = list_of(schema, keyword);
    if (alternatives == nullptr || alternatives->size() > kMostAlternatives) continue;
    TypeSet together = 0;
    for (const Json& one : *alternatives) {
      const Json* target = &one;
      const std::string reference = string_or(one, "$ref");
      if (!reference.empty()) target = resolve(*root_, reference);
      together |= target == nullptr ? kAnyType : possible_types(*target, depth + 1);
    }
    types &= together;
  }
  return types;
}

std::optional<std::vector<const Json*>> Producer::finite() const {
  for (const Json* part : parts_) {
    if (const Json* only = find(*part, "const")) return std::vector{only};
    if (const Json* list = list_of(*part, "enum")) {
      std::vector<const Json*> values;
      for (const Json& value : *list) values.push_back(&value);
      return values;
    }
  }
  return std::nullopt;
}

bool Producer::satisfies(const Json& value) const {
  return std::ranges::all_of(
      parts_, [&](const Json* part) { return validate(SchemaPart{root_, part}, value).empty(); });
}

std::size_t Producer::at_least(std::string_view keyword) const {
  std::size_t least = 0;
  for (const Json* part : parts_) least = std::max(least, count_or(*part, keyword, 0));
  return least;
}

std::size_t Producer::at_most(std::string_view keyword) const {
  std::size_t most = kUnbounded;
  for (const Json* part : parts_) most = std::min(most, count_or(*part, keyword, kUnbounded));
  return most;
}

bool Producer::has(std::string_view keyword, const Json& value) const {
  return std::ranges::any_of(parts_, [&](const Json* part) {
    const Json* own = find(*part, keyword);
    return own != nullptr && equal(*own, value);
  });
}

Bound Producer::lower() const {
  Bound bound{-std::numeric_limits<long double>::infinity()};
  for (const Json* part : parts_) {
    if (const Json* least = find(*part, "minimum"); least != nullptr && least->is_number()) {
      if (number(*least) > bound.value) bound = {number(*least), false};
    }
    if (const Json* above = find(*part, "exclusiveMinimum");
        above != nullptr && above->is_number()) {
      if (number(*above) >= bound.value) bound = {number(*above), true};
    }
  }
  if ((types_ & kFraction) == 0 && std::isfinite(bound.value)) {
    const long double whole = std::ceil(bound.value);
    bound = {bound.exclusive && whole == bound.value ? whole + 1 : whole, false};
  }
  return bound;
}

Bound Producer::upper() const {
  Bound bound{std::numeric_limits<long double>::infinity()};
  for (const Json* part : parts_) {
    if (const Json* most = find(*part, "maximum"); most != nullptr && most->is_number()) {
      if (number(*most) < bound.value) bound = {number(*most), false};
    }
    if (const Json* below = find(*part, "exclusiveMaximum");
        below != nullptr && below->is_number()) {
      if (number(*below) <= bound.value) bound = {number(*below), true};
    }
  }
  if ((types_ & kFraction) == 0 && std::isfinite(bound.value)) {
    const long double whole = std::floor(bound.value);
    bound = {bound.exclusive && whole == bound.value ? whole - 1 : whole, false};
  }
  return bound;
}

std::size_t Producer::longest_prefix() const {
  std::size_t longest = 0;
  for (const Json* part : parts_) longest = std::max(longest, prefix_items(*part).size());
  return longest;
}

std::size_t Producer::most_items() const {
  std::size_t most = at_most("maxItems");
  for (const Json* part : parts_) {
    const Json* rest = rest_items(*part);
    if (rest != nullptr && *rest == false) most = std::min(most, prefix_items(*part).size());
  }
  return most;
}

Producer Producer::item(std::size_t index) const {
  Producer item = empty();
  for (const Json* part : parts_) {
    const auto prefix = prefix_items(*part);
    if (index < prefix.size()) {
      item.require(prefix[index]);
    } else if (const Json* rest = rest_items(*part)) {
      item.require(*rest);
    }
  }
  return item;
}

bool Producer::requires_member(std::string_view name) const {
  return std::ranges::any_of(
      parts_, [&](const Json* part) { return names_contain(find(*part, "required"), name); });
}

bool Producer::declares_member(std::string_view name) const {
  return std::ranges::any_of(parts_, [&](const Json* part) {
    const Json* properties = find(*part, "properties");
    return properties != nullptr && find(*properties, name) != nullptr;
  });
}

bool Producer::declares_any_member() const {
  return std::ranges::any_of(parts_, [](const Json* part) {
    const Json* properties = find(*part, "properties");
    return properties != nullptr && !properties->empty();
  });
}

bool Producer::is_map() const {
  return std::ranges::any_of(parts_, [](const Json* part) {
    const Json* additional = find(*part, "additionalProperties");
    return (additional != nullptr && *additional != false) ||
           find(*part, "patternProperties") != nullptr;
  });
}

std::set<std::string> Producer::declared_members() const {
  std::set<std::string> names;
  for (const Json* part : parts_) {
    if (const Json* properties = find(*part, "properties");
        properties != nullptr && properties->is_object()) {
      for (const auto& item : properties->items()) names.insert(item.key());
    }
    if (const Json* required = find(*part, "required");
        required != nullptr && required->is_array()) {
      for (const std::string& name : strings_in(*required)) names.insert(name);
    }
  }
  return names;
}

Producer Producer::member(std::string_view name) const {
  Producer member = empty();
  for (const Json* part : parts_) {
    bool known = false;
    const Json* properties = find(*part, "properties");
    const Json* own = properties == nullptr ? nullptr : find(*properties, name);
    if (own != nullptr) {
      known = true;
      member.require(*own);
    }
    if (const Json* patterns = find(*part, "patternProperties");
        patterns != nullptr && patterns->is_object()) {
      for (const auto& item : patterns->items()) {
        if (!patterns_->matches(item.key(), name)) continue;
        known = true;
        member.require(item.value());
      }
    }
    const Json* additional = find(*part, "additionalProperties");
    if (!known && additional != nullptr) member.require(*additional);
  }
  return member;
}

bool Producer::closed() const {
  return std::ranges::any_of(parts_, [](const Json* part) {
    const Json* additional = find(*part, "additionalProperties");
    const Json* patterns = find(*part, "patternProperties");
    return additional != nullptr && *additional == false &&
           (patterns == nullptr || patterns->empty());
  });
}

std::vector<std::vector<Producer>> Producer::undeclared_members() const {
  std::vector<std::vector<Producer>> by_part;
  for (const Json* part : parts_) {
    std::vector<const Json*> schemas;
    const Json* additional = find(*part, "additionalProperties");
    schemas.push_back(additional == nullptr ? &anything() : additional);
    if (const Json* patterns = find(*part, "patternProperties");
        patterns != nullptr && patterns->is_object()) {
      for (const auto& [pattern, schema] : patterns->get_ref<const Json::object_t&>()) {
        schemas.push_back(&schema);
      }
    }
    std::vector<Producer>& kinds = by_part.emplace_back();
    for (const Json* schema : schemas) {
      kinds.push_back(empty());
      kinds.back().require(*schema);
    }
  }
  return by_part;
}

std::vector<Producer> Producer::alternatives() const {
  for (const Json* part : parts_) {
    for (const std::string_view keyword : {"anyOf", "oneOf"}) {
      const Json* list = list_of(*part, keyword);
      if (list == nullptr || list->size() > kMostAlternatives || split_.contains(list)) continue;
      std::vector<Producer> ways;
      for (const Json& one : *list) {
        ways.push_back(*this);
        ways.back().split_.insert(list);
        ways.back().require(one);
      }
      return ways;
    }
  }
  return {};
}

}  // namespace ae::json::internal
