#include "dag/serialize.h"

#include <cmath>
#include <cstdint>

namespace ae::dag {
namespace {

// 3 rather than 3.0: what people write.
Json plain_number(double value) {
  static constexpr double kExact = 9007199254740992.0;  // 2^53
  if (std::trunc(value) == value && std::abs(value) < kExact) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

Json seconds(std::chrono::milliseconds duration) {
  return plain_number(static_cast<double>(duration.count()) / 1000.0);
}

Json to_json(const Bindings& bindings) {
  Json json = Json::object();
  auto& members = json.get_ref<Json::object_t&>();
  // Names are unique, so the linear search of operator[] would buy nothing.
  for (const NamedBinding& one : bindings) {
    members.Json::object_t::Container::emplace_back(one.name, dag::to_json(one.binding));
  }
  return json;
}

Json to_json(const RetryPolicy& retry) {
  return Json{{"maxAttempts", retry.max_attempts},
              {"initialIntervalSeconds", seconds(retry.initial_interval)},
              {"multiplier", plain_number(retry.multiplier)},
              {"maxIntervalSeconds", seconds(retry.max_interval)}};
}

Json to_json(const Node& node) {
  Json json{{"id", node.id.str()}, {"function", node.function}};
  if (!node.version.empty()) json["version"] = node.version;
  if (!node.goal.empty()) json["goal"] = node.goal;
  if (!node.arguments.empty()) json["arguments"] = to_json(node.arguments);
  if (node.retry) json["retry"] = to_json(*node.retry);
  if (node.timeout) json["timeoutSeconds"] = seconds(*node.timeout);
  if (!node.depends_on.empty()) {
    Json& list = json["dependsOn"] = Json::array();
    for (const NodeId& id : node.depends_on) list.push_back(id.str());
  }
  return json;
}

struct BindingWriter {
  Json operator()(const InputRef& reference) const { return Json{{"input", reference.input}}; }
  Json operator()(const OutputRef& reference) const {
    Json json{{"node", reference.node.str()}};
    if (!reference.field.empty()) json["output"] = reference.field;
    return json;
  }
  Json operator()(const Literal& literal) const {
    Json json = Json::object();
    json["value"] = literal.value;
    return json;
  }
  Json operator()(const ListBinding& list) const {
    Json items = Json::array();
    for (const Binding& item : list.items) items.push_back(dag::to_json(item));
    Json json = Json::object();
    json["list"] = std::move(items);
    return json;
  }
  Json operator()(const ObjectBinding& object) const {
    Json json = Json::object();
    json["object"] = to_json(object.members);
    return json;
  }
};

}  // namespace

Json to_json(const Binding& binding) { return std::visit(BindingWriter{}, binding.source); }

Json to_json(const Workflow& workflow) {
  Json json{{"apiVersion", "actionengine/v1"}, {"kind", "Workflow"}};
  Json& metadata = json["metadata"] = Json{{"name", workflow.name}};
  if (!workflow.description.empty()) metadata["description"] = workflow.description;
  json["inputs"] = workflow.inputs;
  Json& nodes = json["nodes"] = Json::array();
  for (const Node& node : workflow.nodes) nodes.push_back(to_json(node));
  if (!workflow.outputs.empty()) json["outputs"] = to_json(workflow.outputs);
  return json;
}

}  // namespace ae::dag
