#include "json/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "json/internal/schema_parts.h"
#include "json/internal/validator.h"

namespace ae::json {
namespace {

enum class Shape {
  kSchema,
  kSchemas,     // a non-empty array of schemas
  kSchemaMap,   // names to schemas
  kPatternMap,  // patterns to schemas
  kItems,       // a schema, or draft 7's array of them
  kCount,
  kNumber,
  kPositive,
  kBoolean,
  kString,
  kPattern,
  kType,
  kEnum,
  kNames,     // an array of distinct strings
  kNamesMap,  // names to kNames
  kReference,
};

const std::unordered_map<std::string_view, Shape>& shapes() {
  static const std::unordered_map<std::string_view, Shape> shapes{
      {"type", Shape::kType},
      {"enum", Shape::kEnum},
      {"properties", Shape::kSchemaMap},
      {"patternProperties", Shape::kPatternMap},
      {"additionalProperties", Shape::kSchema},
      {"propertyNames", Shape::kSchema},
      {"required", Shape::kNames},
      {"minProperties", Shape::kCount},
      {"maxProperties", Shape::kCount},
      {"items", Shape::kItems},
      {"prefixItems", Shape::kSchemas},
      {"additionalItems", Shape::kSchema},
      {"contains", Shape::kSchema},
      {"minContains", Shape::kCount},
      {"maxContains", Shape::kCount},
      {"minItems", Shape::kCount},
      {"maxItems", Shape::kCount},
      {"uniqueItems", Shape::kBoolean},
      {"minLength", Shape::kCount},
      {"maxLength", Shape::kCount},
      {"pattern", Shape::kPattern},
      {"format", Shape::kString},
      {"minimum", Shape::kNumber},
      {"maximum", Shape::kNumber},
      {"exclusiveMinimum", Shape::kNumber},
      {"exclusiveMaximum", Shape::kNumber},
      {"multipleOf", Shape::kPositive},
      {"allOf", Shape::kSchemas},
      {"anyOf", Shape::kSchemas},
      {"oneOf", Shape::kSchemas},
      {"not", Shape::kSchema},
      {"if", Shape::kSchema},
      {"then", Shape::kSchema},
      {"else", Shape::kSchema},
      {"dependentRequired", Shape::kNamesMap},
      {"dependentSchemas", Shape::kSchemaMap},
      {"$defs", Shape::kSchemaMap},
      {"definitions", Shape::kSchemaMap},
      {"$ref", Shape::kReference},
      {"description", Shape::kString},
      {"title", Shape::kString},
  };
  return shapes;
}

bool is_in_place(std::string_view keyword) {
  static const std::set<std::string_view> keywords{
      "$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"};
  return keywords.contains(keyword);
}

class SchemaChecker final {
 public:
  explicit SchemaChecker(const Json& root) : root_(root) {}

  std::vector<SchemaViolation> run() {
    reach(root_, "");
    while (!pending_.empty() && violations_.size() < kMostViolations) {
      const Json* schema = pending_.front();
      pending_.pop_front();
      inspect(*schema, nodes_.at(schema).pointer);
    }
    if (violations_.empty()) find_empty_cycles();
    return std::move(violations_);
  }

 private:
  static constexpr std::size_t kMostViolations = 20;

  struct Node {
    std::string pointer;
    std::vector<const Json*> in_place;  // schemas that judge the same value
    enum class Mark { kNew, kOpen, kDone } mark = Mark::kNew;
  };

  void refuse(std::string pointer, std::string_view keyword, std::string message) {
    violations_.push_back({std::move(pointer), std::string(keyword), std::move(message)});
  }

  void reach(const Json& schema, std::string pointer) {
    const auto [node, fresh] = nodes_.try_emplace(&schema);
    if (!fresh) return;
    node->second.pointer = std::move(pointer);
    pending_.push_back(&schema);
  }

  void inspect(const Json& schema, const std::string& pointer) {
    if (schema.is_boolean()) return;
    if (!schema.is_object()) {
      return refuse(
          pointer, "",
          fmt::format("a schema is an object, true or false, not {}", internal::brief(schema)));
    }
    for (const auto& [keyword, value] : schema.get_ref<const Json::object_t&>()) {
      const auto shape = shapes().find(keyword);
      if (shape == shapes().end()) continue;
      current_ = &schema;
      keyword_ = keyword;
      inspect_keyword(shape->second, value, pointer_append(pointer, keyword));
    }
  }

  void inspect_keyword(Shape shape, const Json& value, const std::string& pointer) {
    switch (shape) {
      case Shape::kSchema:
        return part(value, pointer);
      case Shape::kSchemas:
        return parts(value, pointer);
      case Shape::kItems:
        return value.is_array() ? parts(value, pointer) : part(value, pointer);
      case Shape::kSchemaMap:
        return map(value, pointer, Keys::kNames);
      case Shape::kPatternMap:
        return map(value, pointer, Keys::kPatterns);
      case Shape::kType:
        return type(value, pointer);
      case Shape::kNames:
        return names(value, pointer);
      case Shape::kReference:
        return reference(value, pointer);
      case Shape::kNamesMap:
        if (!value.is_object()) return expect(false, "an object of name lists", value, pointer);
        for (const auto& item : value.items()) {
          names(item.value(), pointer_append(pointer, item.key()));
        }
        return;
      case Shape::kPattern:
        expect(value.is_string(), "a string", value, pointer);
        if (value.is_string()) pattern(value.get_ref<const std::string&>(), pointer);
        return;
      case Shape::kEnum:
        return expect(value.is_array() && !value.empty(), "a list of values", value, pointer);
      case Shape::kCount:
        return expect(
            value.is_number() && internal::is_integer(value) && internal::number(value) >= 0,
            "a whole number from 0", value, pointer);
      case Shape::kNumber:
        return expect(value.is_number(), "a number", value, pointer);
      case Shape::kPositive:
        return expect(value.is_number() && internal::number(value) > 0, "a number above 0", value,
                      pointer);
      case Shape::kBoolean:
        return expect(value.is_boolean(), "true or false", value, pointer);
      case Shape::kString:
        return expect(value.is_string(), "a string", value, pointer);
    }
  }

  void expect(bool right, std::string_view what, const Json& value, const std::string& pointer) {
    if (right) return;
    const std::string got =
        value.empty() && value.is_structured() ? "an empty one" : internal::brief(value);
    refuse(pointer, keyword_, fmt::format("{} must be {}, not {}", keyword_, what, got));
  }

  void part(const Json& value, std::string pointer) {
    if (is_in_place(keyword_)) nodes_.at(current_).in_place.push_back(&value);
    reach(value, std::move(pointer));
  }

  void parts(const Json& value, const std::string& pointer) {
    if (!value.is_array() || (value.empty() && keyword_ != "items")) {
      return expect(false, "a list of schemas", value, pointer);
    }
    for (std::size_t i = 0; i < value.size(); ++i) part(value[i], pointer_append(pointer, i));
  }

  enum class Keys { kNames, kPatterns };

  void map(const Json& value, const std::string& pointer, Keys keys) {
    if (!value.is_object()) return expect(false, "an object of schemas", value, pointer);
    for (const auto& [name, schema] : value.get_ref<const Json::object_t&>()) {
      const std::string here = pointer_append(pointer, name);
      if (keys == Keys::kPatterns) pattern(name, here);
      part(schema, here);
    }
  }

  void pattern(const std::string& text, const std::string& pointer) {
    const RE2 compiled(text, internal::pattern_options());
    if (compiled.ok()) return;
    refuse(pointer, keyword_,
           fmt::format("the pattern {} cannot be used: {}; look-around and back references are "
                       "not supported",
                       shorten(text, 80), compiled.error()));
  }

  void names(const Json& value, const std::string& pointer) {
    if (!value.is_array()) return expect(false, "a list of names", value, pointer);
    std::set<std::string> seen;
    for (std::size_t i = 0; i < value.size(); ++i) {
      expect(value[i].is_string() && seen.insert(value[i].get<std::string>()).second,
             "a list of different names", value[i], pointer_append(pointer, i));
    }
  }

  void type(const Json& value, const std::string& pointer) {
    static const std::vector<std::string> kTypes{"string", "integer", "number", "boolean",
                                                 "null",   "array",   "object"};
    const auto one = [&](const Json& name, const std::string& here) {
      if (name.is_string() &&
          std::ranges::find(kTypes, name.get_ref<const std::string&>()) != kTypes.end()) {
        return;
      }
      const std::string hint =
          name.is_string() ? internal::did_you_mean(to_lower(name.get<std::string>()), kTypes) : "";
      refuse(here, "type",
             fmt::format("unknown type {}{}; types are {}", shorten(dump(name), 60), hint,
                         join(kTypes, ", ")));
    };
    if (!value.is_array()) return one(value, pointer);
    expect(!value.empty(), "a type or a list of types", value, pointer);
    for (std::size_t i = 0; i < value.size(); ++i) one(value[i], pointer_append(pointer, i));
  }

  void reference(const Json& value, const std::string& pointer) {
    expect(value.is_string(), "a string", value, pointer);
    if (!value.is_string()) return;
    const std::string& text = value.get_ref<const std::string&>();
    if (!text.starts_with('#')) {
      return refuse(pointer, "$ref",
                    fmt::format("\"{}\" is outside this schema; only references like "
                                "#/$defs/name are followed",
                                shorten(text, 80)));
    }
    const Json* target = internal::resolve(root_, text);
    if (target == nullptr) {
      return refuse(pointer, "$ref",
                    fmt::format("\"{}\" does not exist in this schema", shorten(text, 80)));
    }
    part(*target, text.substr(1));
  }

  // A reference that comes back to itself without entering a member or an item says nothing.
  // Depth first with a stack of its own: hostile schemas are deep.
  void find_empty_cycles() {
    for (auto& [schema, node] : nodes_) {
      if (node.mark != Node::Mark::kNew) continue;
      std::vector<std::pair<Node*, std::size_t>> stack{{&node, 0}};
      node.mark = Node::Mark::kOpen;
      while (!stack.empty()) {
        auto& [here, next] = stack.back();
        if (next == here->in_place.size()) {
          here->mark = Node::Mark::kDone;
          stack.pop_back();
          continue;
        }
        Node& target = nodes_.at(here->in_place[next++]);
        if (target.mark == Node::Mark::kOpen) {
          return refuse(target.pointer, "$ref",
                        "this schema refers to itself for the same value, so it says nothing");
        }
        if (target.mark == Node::Mark::kNew) {
          target.mark = Node::Mark::kOpen;
          stack.emplace_back(&target, 0);
        }
      }
    }
  }

  const Json& root_;
  const Json* current_ = nullptr;
  std::string keyword_;
  std::unordered_map<const Json*, Node> nodes_;
  std::deque<const Json*> pending_;
  std::vector<SchemaViolation> violations_;
};

}  // namespace

SchemaPart dereference(const SchemaPart& part) {
  static constexpr int kMostHops = 16;
  SchemaPart here = part;
  for (int hop = 0; hop < kMostHops; ++hop) {
    if (!here.schema->is_object() || here.schema->size() != 1) break;
    const Json* target = internal::resolve(*here.root, string_or(*here.schema, "$ref"));
    if (target == nullptr) break;
    here.schema = target;
  }
  return here;
}

std::vector<SchemaViolation> validate(const SchemaPart& part, const Json& instance) {
  return internal::Validator(*part.root).run(*part.schema, instance);
}

std::vector<SchemaViolation> validate(const Json& schema, const Json& instance) {
  return validate(SchemaPart{&schema, &schema}, instance);
}

std::vector<SchemaViolation> check_schema(const Json& schema) {
  return SchemaChecker(schema).run();
}

}  // namespace ae::json
