#include "verify/internal/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "dag/order.h"
#include "json/subschema.h"

namespace ae::verify::internal {

Context::Context(const dag::Workflow& the_workflow, const FunctionLookup& the_lookup,
                 const std::vector<std::string>& the_known_functions, const Evidence* the_evidence)
    : workflow(the_workflow),
      lookup(the_lookup),
      known_functions(the_known_functions),
      evidence(the_evidence),
      inputs(dag::dependencies(the_workflow)) {
  for (std::size_t i = 0; i < workflow.nodes.size(); ++i) {
    const dag::Node& node = workflow.nodes[i];
    index_.emplace(node.id, i);
    specs.push_back(lookup(node.function, node.version));
  }
  if (const auto order = dag::topological_order(workflow)) {
    rank.resize(order->size());
    for (std::size_t i = 0; i < order->size(); ++i) rank[(*order)[i]] = i;
  }
}

void Context::error(std::string code, std::string pointer, std::string message, std::string fix,
                    std::vector<std::string> candidates) {
  found_.push_back({std::move(code), dag::Severity::kError, std::move(pointer), std::move(message),
                    std::move(fix), std::move(candidates)});
}

void Context::warning(std::string code, std::string pointer, std::string message, std::string fix,
                      std::vector<std::string> candidates) {
  found_.push_back({std::move(code), dag::Severity::kWarning, std::move(pointer),
                    std::move(message), std::move(fix), std::move(candidates)});
}

std::optional<std::size_t> Context::index_of(const dag::NodeId& id) const {
  const auto found = index_.find(id);
  if (found == index_.end()) return std::nullopt;
  return found->second;
}

const dag::Node* Context::node(const dag::NodeId& id) const {
  const auto index = index_of(id);
  return index ? &workflow.nodes[*index] : nullptr;
}

const dag::FunctionSpec* Context::spec_of(const dag::NodeId& id) const {
  const auto index = index_of(id);
  return index ? specs[*index] : nullptr;
}

std::vector<std::string> Context::fitting_sources(std::size_t node, const Parameter& parameter) {
  static constexpr std::size_t kMostNodes = 200;
  static constexpr std::size_t kMostSources = 5;
  if (rank.empty() || workflow.nodes.size() > kMostNodes || searches_left_-- <= 0) return {};
  std::vector<std::string> same_name;
  std::vector<std::string> others;
  const auto consider = [&](const json::SchemaPart& produced, std::string_view name,
                            std::string source) {
    if (json::is_subschema(produced, parameter.schema).fit != json::Fit::kYes) return;
    (name == parameter.name ? same_name : others).push_back(std::move(source));
  };
  for (const std::string& name : dag::property_names(workflow.inputs)) {
    consider({&workflow.inputs, input_schema(workflow, name)}, name, "input " + name);
  }
  for (std::size_t i = 0; i < workflow.nodes.size(); ++i) {
    if (specs[i] == nullptr || rank[i] >= rank[node]) continue;
    const Json& output = specs[i]->output;
    for (const std::string& field : dag::property_names(output)) {
      consider({&output, json::find(*json::find(output, "properties"), field)}, field,
               fmt::format("{}.{}", workflow.nodes[i].id, field));
    }
  }
  same_name.insert(same_name.end(), others.begin(), others.end());
  if (same_name.size() > kMostSources) same_name.resize(kMostSources);
  return same_name;
}

std::string node_pointer(std::size_t index) { return fmt::format("/nodes/{}", index); }

std::string type_text(const Json& schema) {
  const Json* type = json::find(schema, "type");
  if (type != nullptr && type->is_string()) return type->get<std::string>();
  if (type == nullptr || !type->is_array()) return "any";
  std::vector<std::string> names;
  for (const Json& name : *type) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return join(names, " or ");
}

bool declares_nothing(const Json& schema) {
  if (!schema.is_object()) return true;
  static constexpr std::array<std::string_view, 9> kStatements{
      "properties", "$ref", "allOf", "anyOf", "oneOf", "enum", "const", "items", "prefixItems"};
  if (std::ranges::any_of(kStatements, [&](std::string_view keyword) {
        return json::find(schema, keyword) != nullptr;
      })) {
    return false;
  }
  const std::string type = type_text(schema);
  return type == "any" || type == "object";
}

std::optional<Parameter> parameter_of(const dag::FunctionSpec& spec, const std::string& name) {
  bool optional = !dag::is_required(spec.input, name);
  const Json* properties = json::find(spec.input, "properties");
  const Json* schema = properties == nullptr ? nullptr : json::find(*properties, name);
  if (schema == nullptr && name.find('.') == std::string::npos) {
    schema = json::member_schema(spec.input, name, &optional);
  }
  if (schema == nullptr) return std::nullopt;
  const json::SchemaPart part{&spec.input, schema};
  const bool has_default = json::find(*schema, "default") != nullptr ||
                           json::find(*json::dereference(part).schema, "default") != nullptr;
  return Parameter{name, part, !optional && !has_default};
}

const Json* input_schema(const dag::Workflow& workflow, const std::string& name) {
  const Json* properties = json::find(workflow.inputs, "properties");
  return properties == nullptr ? nullptr : json::find(*properties, name);
}

std::vector<std::string> near_names(std::string_view wanted, std::vector<std::string> names,
                                    std::size_t most) {
  static constexpr std::size_t kMostCompared = 2'000;
  if (names.size() > kMostCompared) names.resize(kMostCompared);
  std::vector<std::string> found;
  while (found.size() < most) {
    const std::string near = nearest(wanted, names);
    if (near.empty()) break;
    std::erase(names, near);
    found.push_back(near);
  }
  return found;
}

}  // namespace ae::verify::internal
