// Schemas made from schemas: moved into another document, derived from a workflow, exemplified.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "gateway/internal/schemas.h"
#include "json/subschema.h"

namespace ae::gateway {
namespace {

// Replaces references by what they point to. A reference inside its own expansion is {}: it could
// go on for ever. So is whatever comes after kMaxParts parts, since references to references can
// double the text at each level.
class Inliner final {
 public:
  explicit Inliner(const Json& root) : root_(root) {}

  Json inlined(const Json& schema) {
    if (++parts_ > kMaxParts) return Json::object();
    if (schema.is_array()) {
      Json copy = Json::array();
      for (const Json& item : schema) copy.push_back(inlined(item));
      return copy;
    }
    if (!schema.is_object()) return schema;
    if (const Json* reference = json::find(schema, "$ref");
        reference != nullptr && reference->is_string()) {
      return target_of(reference->get_ref<const std::string&>());
    }
    Json copy = Json::object();
    for (const auto& item : schema.items()) {
      if (item.key() == "$schema" || item.key() == "$id" || item.key() == "$defs") continue;
      copy[item.key()] = inlined(item.value());
    }
    return copy;
  }

 private:
  static constexpr std::size_t kMaxParts = 20'000;

  Json target_of(const std::string& reference) {
    const Json* target =
        reference.starts_with('#') ? json::at_pointer(root_, reference.substr(1)) : nullptr;
    if (target == nullptr || !open_.insert(target).second) return Json::object();
    Json copy = inlined(*target);
    open_.erase(target);
    return copy;
  }

  const Json& root_;
  std::set<const Json*> open_;  // being expanded
  std::size_t parts_ = 0;
};

Json schema_of(const dag::Binding& binding, const dag::LinkedWorkflow& linked);

Json schema_of(const dag::OutputRef& ref, const dag::LinkedWorkflow& linked) {
  const dag::Node* node = dag::find_node(linked.workflow, ref.node);
  if (node == nullptr) return Json::object();
  const Json& output = linked.spec_of(*node).output;
  const Json* member = ref.field.empty() ? &output : json::member_schema(output, ref.field);
  return member == nullptr ? Json::object() : self_contained(*member, output);
}

Json schema_of(const dag::InputRef& ref, const dag::LinkedWorkflow& linked) {
  const Json& inputs = linked.workflow.inputs;
  const Json* member = json::member_schema(inputs, ref.input);
  return member == nullptr ? Json::object() : self_contained(*member, inputs);
}

Json schema_of(const dag::Literal& value, const dag::LinkedWorkflow&) {
  Json schema = Json::object();
  schema["const"] = value.value;
  return schema;
}

Json schema_of(const dag::ListBinding& list, const dag::LinkedWorkflow& linked) {
  Json schema = {{"type", "array"}};
  Json items = Json::array();
  for (const dag::Binding& item : list.items) items.push_back(schema_of(item, linked));
  if (!items.empty()) schema["prefixItems"] = std::move(items);
  return schema;
}

Json schema_of(const dag::ObjectBinding& object, const dag::LinkedWorkflow& linked) {
  Json schema = {{"type", "object"}, {"properties", Json::object()}};
  for (const dag::NamedBinding& member : object.members) {
    schema["properties"][member.name] = schema_of(member.binding, linked);
  }
  return schema;
}

Json schema_of(const dag::Binding& binding, const dag::LinkedWorkflow& linked) {
  return std::visit([&](const auto& source) { return schema_of(source, linked); }, binding.source);
}

Json sample_string(const Json& schema) {
  const std::string format = json::string_or(schema, "format");
  if (format == "date") return "2026-01-31";
  if (format == "date-time") return "2026-01-31T12:00:00Z";
  if (format == "time") return "12:00:00Z";
  if (format == "email") return "someone@example.com";
  if (format == "uri") return "https://example.com/";
  if (format == "uuid") return "123e4567-e89b-12d3-a456-426614174000";
  if (format == "ipv4") return "192.0.2.1";
  std::string text = "text";
  const Json* least = json::find(schema, "minLength");
  if (least != nullptr && least->is_number_unsigned() && least->get<std::size_t>() < 1000) {
    text.resize(std::max(text.size(), least->get<std::size_t>()), 't');
  }
  const Json* most = json::find(schema, "maxLength");
  if (most != nullptr && most->is_number_unsigned()) {
    text.resize(std::min(text.size(), most->get<std::size_t>()));
  }
  return text;
}

Json sample_at(const Json& schema, int depth);

Json sample_object(const Json& schema, int depth) {
  Json value = Json::object();
  const Json* properties = json::find(schema, "properties");
  const Json* required = json::find(schema, "required");
  if (properties == nullptr || required == nullptr || !required->is_array()) return value;
  for (const Json& name : *required) {
    if (!name.is_string()) continue;
    const Json* member = json::find(*properties, name.get<std::string>());
    value[name.get<std::string>()] = member == nullptr ? Json("text") : sample_at(*member, depth);
  }
  return value;
}

Json sample_at(const Json& schema, int depth) {
  if (depth > 8 || !schema.is_object()) return "text";
  if (const Json* value = json::find(schema, "const")) return *value;
  if (const Json* value = json::find(schema, "default")) return *value;
  for (const char* key : {"examples", "enum", "anyOf", "oneOf"}) {
    const Json* list = json::find(schema, key);
    if (list == nullptr || !list->is_array() || list->empty()) continue;
    const bool choice = std::string_view(key).ends_with("Of");
    return choice ? sample_at(list->front(), depth + 1) : list->front();
  }
  const Json* type = json::find(schema, "type");
  if (type != nullptr && type->is_array() && !type->empty()) type = &type->front();
  const std::string name = type != nullptr && type->is_string() ? type->get<std::string>() : "";
  if (name == "object") return sample_object(schema, depth + 1);
  if (name == "array") {
    Json list = Json::array();
    if (const Json* items = json::find(schema, "items")) {
      list.push_back(sample_at(*items, depth + 1));
    }
    return list;
  }
  if (name == "boolean") return true;
  if (name == "null") return nullptr;
  if (name == "integer" || name == "number") {
    const Json* least = json::find(schema, "minimum");
    return least != nullptr && least->is_number() ? *least : Json(1);
  }
  return sample_string(schema);
}

}  // namespace

Json self_contained(const Json& schema, const Json& root) { return Inliner(root).inlined(schema); }

Json rebased(const Json& schema, std::string_view base) {
  if (schema.is_array()) {
    Json copy = Json::array();
    for (const Json& item : schema) copy.push_back(rebased(item, base));
    return copy;
  }
  if (!schema.is_object()) return schema;
  Json copy = Json::object();
  for (const auto& item : schema.items()) {
    const bool is_reference = item.key() == "$ref" && item.value().is_string() &&
                              item.value().get_ref<const std::string&>().starts_with('#');
    if (item.key() == "$schema" || item.key() == "$id") continue;
    copy[item.key()] = is_reference
                           ? Json(std::string(base) + item.value().get<std::string>().substr(1))
                           : rebased(item.value(), base);
  }
  return copy;
}

Json outputs_schema(const dag::LinkedWorkflow& linked) {
  Json schema = {{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
  for (const dag::NamedBinding& output : linked.workflow.outputs) {
    schema["properties"][output.name] = schema_of(output.binding, linked);
    // An input that the caller left out makes the output that repeats it absent.
    if (!std::holds_alternative<dag::InputRef>(output.binding.source)) {
      schema["required"].push_back(output.name);
    }
  }
  return schema;
}

Json sample(const Json& schema) { return sample_at(schema, 0); }

}  // namespace ae::gateway
