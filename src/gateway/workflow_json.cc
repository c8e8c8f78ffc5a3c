#include "gateway/internal/workflow_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "dag/serialize.h"
#include "gateway/internal/schemas.h"

namespace ae::gateway {
namespace {

bool has_default(const Json& inputs, std::string_view name) {
  const Json* properties = json::find(inputs, "properties");
  const Json* property = properties == nullptr ? nullptr : json::find(*properties, name);
  return property != nullptr && json::find(*property, "default") != nullptr;
}

// Required inputs without a default, in the schema's order.
std::vector<std::string> needed(const Json& inputs) {
  std::vector<std::string> names;
  const Json* required = json::find(inputs, "required");
  if (required == nullptr || !required->is_array()) return names;
  for (const Json& name : *required) {
    if (name.is_string() && !has_default(inputs, name.get<std::string>())) {
      names.push_back(name.get<std::string>());
    }
  }
  return names;
}

// Versions that are pinned but no longer current are fetched one by one and kept for the call.
class Lookup {
 public:
  explicit Lookup(const repository::Repository& repository)
      : repository_(repository), snapshot_(repository.snapshot()) {
    for (const dag::FunctionSpec& spec : snapshot_->functions) names_.push_back(spec.name);
  }

  const dag::FunctionSpec* find(std::string_view name, std::string_view version) {
    const auto& functions = snapshot_->functions;
    const auto current = std::ranges::find(functions, name, &dag::FunctionSpec::name);
    if (current == functions.end()) return nullptr;
    if (version.empty() || current->version == version) return &*current;
    for (const dag::FunctionSpec& spec : fetched_) {
      if (spec.name == name && spec.version == version) return &spec;
    }
    auto spec = repository_.get(name, version);
    if (!spec) {
      if (spec.error().code != ErrorCode::kNotFound) error_ = std::move(spec.error());
      return nullptr;
    }
    return &fetched_.emplace_back(*std::move(spec));
  }

  const std::vector<std::string>& names() const { return names_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  const repository::Repository& repository_;
  const std::shared_ptr<const repository::Repository::Snapshot> snapshot_;
  std::vector<std::string> names_;
  std::deque<dag::FunctionSpec> fetched_;  // pointers into it stay valid
  std::optional<Error> error_;
};

void check_runtimes(const Core& core, const dag::Workflow& workflow, verify::Verdict& verdict) {
  for (std::size_t i = 0; i < workflow.nodes.size(); ++i) {
    const dag::FunctionSpec& spec = verdict.linked.spec_of(verdict.linked.workflow.nodes[i]);
    const auto supported = core.services.faas.supports(spec);
    if (supported) continue;
    verdict.diagnostics.push_back({.code = "unsupported_runtime",
                                   .severity = dag::Severity::kError,
                                   .pointer = fmt::format("/nodes/{}/function", i),
                                   .message = supported.error().describe(),
                                   .fix = "install the runtime, or use another function",
                                   .candidates = {}});
  }
}

}  // namespace

Json effects_json(const dag::LinkedWorkflow& linked, const std::vector<std::string>& approved) {
  Json list = Json::array();
  for (const auto& [key, spec] : linked.functions) {
    if (spec.effects.empty()) continue;
    Json steps = Json::array();
    for (const dag::Node& node : linked.workflow.nodes) {
      if (dag::function_key(node.function, node.version) == key) steps.push_back(node.id.str());
    }
    list.push_back({{"function", spec.name},
                    {"version", spec.version},
                    {"key", key},
                    {"effects", spec.effects},
                    {"steps", std::move(steps)},
                    {"idempotent", spec.idempotent},
                    {"approved", std::ranges::find(approved, key) != approved.end()},
                    {"description", spec.description}});
  }
  return list;
}

Json open_inputs(const Json& inputs, const Json& first_inputs) {
  Json properties = Json::object();
  Json required = Json::array();
  const Json* declared = json::find(inputs, "properties");
  for (const std::string& name : needed(inputs)) {
    if (json::find(first_inputs, name) != nullptr) continue;
    const Json* property = declared == nullptr ? nullptr : json::find(*declared, name);
    properties[name] = property == nullptr ? Json::object() : *property;
    required.push_back(name);
  }
  if (required.empty()) return nullptr;
  Json schema = {{"type", "object"}};
  schema["properties"] = std::move(properties);
  schema["required"] = std::move(required);
  if (const Json* definitions = json::find(inputs, "$defs")) schema["$defs"] = *definitions;
  return schema;
}

Json example_input(const Json& inputs, const Json& first_inputs) {
  Json example = first_inputs.is_object() ? first_inputs : Json::object();
  const Json* declared = json::find(inputs, "properties");
  for (const std::string& name : needed(inputs)) {
    if (example.contains(name)) continue;
    const Json* property = declared == nullptr ? nullptr : json::find(*declared, name);
    example[name] = property == nullptr ? Json("text") : sample(self_contained(*property, inputs));
  }
  return example;
}

std::string curl_line(std::string_view url, const Json& body) {
  const auto quoted = [](std::string_view text) {
    std::string result = "'";
    for (const char c : text) {
      if (c == '\'') {
        result += "'\\''";
      } else {
        result += c;
      }
    }
    return result + "'";
  };
  return fmt::format("curl -sS -X POST {} -H 'Content-Type: application/json' -d {}", quoted(url),
                     quoted(json::dump(body)));
}

Json workflow_json(const Core& core, const catalog::RegisteredWorkflow& registered,
                   std::span<const dag::Diagnostic> diagnostics) {
  const dag::Workflow& workflow = registered.linked.workflow;
  const std::string endpoint = core.url(endpoint_path(registered.id));
  const std::string self = core.url(workflow_path(registered.id));
  Json open = open_inputs(workflow.inputs, registered.first_inputs);
  Json value;
  value["id"] = registered.id;
  value["version"] = registered.version;
  value["status"] = open.is_null() ? "ready" : "needs_input";
  value["endpoint"] = endpoint;
  value["method"] = "POST";
  value["curl"] = curl_line(endpoint, example_input(workflow.inputs, registered.first_inputs));
  value["inputs"] = workflow.inputs;
  value["first_inputs"] = registered.first_inputs;
  value["needs_input"] = std::move(open);
  value["outputs"] = outputs_schema(registered.linked);
  value["workflow"] = dag::to_json(workflow);
  value["effects"] = effects_json(registered.linked, registered.approved_effects);
  value["query"] = registered.query;
  value["provenance"] = registered.provenance;
  value["diagnostics"] = dag::to_json(diagnostics);
  value["registered_at"] = to_rfc3339(registered.registered_at);
  value["docs"] = core.url("/openapi.json");
  value["links"] = {{"self", self},
                    {"endpoint", endpoint},
                    {"runs", self + "/runs"},
                    {"yaml", self + "?format=yaml"},
                    {"dot", self + "?format=dot"},
                    {"mermaid", self + "?format=mermaid"}};
  return value;
}

Result<verify::Verdict> verify_workflow(Core& core, const dag::Workflow& workflow,
                                        const verify::Evidence* evidence) {
  Lookup lookup(core.services.repository);
  verify::Verdict verdict = verify::verify(
      workflow,
      [&lookup](std::string_view name, std::string_view version) {
        return lookup.find(name, version);
      },
      lookup.names(), evidence);
  // "There is no such version" and "it could not be read" must not look the same.
  if (lookup.error()) return fail(*lookup.error());
  if (verdict.proven()) check_runtimes(core, workflow, verdict);
  return verdict;
}

}  // namespace ae::gateway
