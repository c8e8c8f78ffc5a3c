#include "dag/workflow.h"

#include <algorithm>

#include "dag/diagnostic.h"
#include "dag/function_spec.h"

namespace ae::dag {

const Node* find_node(const Workflow& workflow, const NodeId& id) {
  const auto found = std::ranges::find(workflow.nodes, id, &Node::id);
  return found == workflow.nodes.end() ? nullptr : &*found;
}

const Binding* find_binding(const Bindings& bindings, std::string_view name) {
  const auto found = std::ranges::find(bindings, name, &NamedBinding::name);
  return found == bindings.end() ? nullptr : &found->binding;
}

std::vector<std::string> property_names(const Json& object_schema) {
  std::vector<std::string> names;
  const Json* properties = json::find(object_schema, "properties");
  if (properties == nullptr || !properties->is_object()) return names;
  for (const auto& item : properties->items()) names.push_back(item.key());
  return names;
}

bool is_required(const Json& object_schema, std::string_view property) {
  const Json* required = json::find(object_schema, "required");
  if (required == nullptr || !required->is_array()) return false;
  return std::ranges::any_of(*required, [&](const Json& name) {
    return name.is_string() && name.get_ref<const std::string&>() == property;
  });
}

bool has_errors(std::span<const Diagnostic> diagnostics) {
  return std::ranges::any_of(
      diagnostics, [](const Diagnostic& one) { return one.severity == Severity::kError; });
}

Json to_json(const Diagnostic& diagnostic) {
  Json json{{"code", diagnostic.code},
            {"severity", diagnostic.severity == Severity::kError ? "error" : "warning"},
            {"pointer", diagnostic.pointer},
            {"message", diagnostic.message},
            {"fix", diagnostic.fix}};
  if (!diagnostic.candidates.empty()) json["candidates"] = diagnostic.candidates;
  return json;
}

Json to_json(std::span<const Diagnostic> diagnostics) {
  Json list = Json::array();
  for (const Diagnostic& one : diagnostics) list.push_back(to_json(one));
  return list;
}

}  // namespace ae::dag
