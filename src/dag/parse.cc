#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>

#include "base/text.h"
#include "dag/serialize.h"
#include "json/yaml.h"

namespace ae::dag {
namespace {

// `the string "abc"`, `an array`: for messages.
std::string described(const Json& value) {
  if (value.is_string()) {
    return "the string " + json::dump(Json(shorten(value.get_ref<const std::string&>(), 60)));
  }
  if (value.is_array()) return "an array";
  if (value.is_object()) return "an object";
  if (value.is_null()) return "null";
  return fmt::format("the {} {}", json::type_name(value), json::dump(value));
}

bool is_whole(const Json& value) {
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  return std::trunc(value.get<double>()) == value.get<double>();
}

class Reader final {
 public:
  ParsedWorkflow read(const Json& document) {
    if (!document.is_object()) {
      add("invalid_document", "",
          fmt::format("a workflow is an object, not {}", described(document)),
          "start with apiVersion: actionengine/v1 and kind: Workflow");
      return std::move(parsed_);
    }
    check_members(document, "", {"apiVersion", "kind", "metadata", "inputs", "nodes", "outputs"});
    read_header(document);
    read_metadata(document);
    read_inputs(document);
    read_nodes(document);
    if (const Json* outputs = json::find(document, "outputs")) {
      parsed_.workflow.outputs = read_bindings(*outputs, "/outputs", 0);
    }
    return std::move(parsed_);
  }

 private:
  // No text is nested deeper than the parser allows; this bounds documents made in memory.
  static constexpr std::size_t kDeepest = 100;
  static constexpr int kMostHints = 50;  // each hint costs a comparison with every known name

  void add(std::string code, std::string pointer, std::string message, std::string fix,
           std::vector<std::string> candidates = {}) {
    parsed_.diagnostics.push_back({std::move(code), Severity::kError, std::move(pointer),
                                   std::move(message), std::move(fix), std::move(candidates)});
  }

  void wrong_type(const std::string& pointer, std::string_view expected, const Json& value,
                  std::string fix) {
    add("wrong_type", pointer, fmt::format("expected {}, got {}", expected, described(value)),
        std::move(fix));
  }

  void missing(const std::string& pointer, std::string_view name, std::string fix) {
    add("missing_member", pointer, fmt::format("the member \"{}\" is missing", name),
        std::move(fix));
  }

  void check_members(const Json& object, const std::string& pointer,
                     std::initializer_list<std::string_view> known) {
    for (const auto& item : object.items()) {
      if (std::ranges::find(known, item.key()) != known.end()) continue;
      std::vector<std::string> names;
      for (const std::string_view name : known) names.emplace_back(name);
      const std::string near = hints_-- > 0 ? nearest(item.key(), names) : "";
      const std::string shown = shorten(item.key(), 60);
      add("unknown_member", json::pointer_append(pointer, item.key()),
          fmt::format("the member \"{}\" is not known here", shown),
          near.empty() ? fmt::format("remove it; known are {}", join(names, ", "))
                       : fmt::format("did you mean \"{}\"?", near),
          near.empty() ? std::vector<std::string>{} : std::vector<std::string>{near});
    }
  }

  // "" when it is absent or no string; both are reported, absence only of a required member.
  std::string read_string(const Json& object, const std::string& pointer, std::string_view name,
                          std::string_view fix_when_missing = {}) {
    const Json* value = json::find(object, name);
    if (value == nullptr) {
      if (!fix_when_missing.empty()) missing(pointer, name, std::string(fix_when_missing));
      return {};
    }
    if (!value->is_string()) {
      wrong_type(json::pointer_append(pointer, name), "a string", *value, "write text; quote it");
      return {};
    }
    return value->get<std::string>();
  }

  void read_header(const Json& document) {
    const std::string version =
        read_string(document, "", "apiVersion", "add apiVersion: actionengine/v1");
    if (const Json* given = json::find(document, "apiVersion");
        given != nullptr && given->is_string() && version != "actionengine/v1") {
      add("unsupported_version", "/apiVersion",
          fmt::format("the version \"{}\" is not supported", shorten(version, 60)),
          "use actionengine/v1", {"actionengine/v1"});
    }
    const std::string kind = read_string(document, "", "kind", "add kind: Workflow");
    if (const Json* given = json::find(document, "kind");
        given != nullptr && given->is_string() && kind != "Workflow") {
      add("invalid_document", "/kind",
          fmt::format("the kind is \"{}\", expected \"Workflow\"", shorten(kind, 60)),
          "use kind: Workflow; other kinds belong to other commands", {"Workflow"});
    }
  }

  void read_metadata(const Json& document) {
    const Json* metadata = json::find(document, "metadata");
    if (metadata == nullptr) return missing("", "metadata", "add metadata: {name: my-workflow}");
    if (!metadata->is_object()) {
      return wrong_type("/metadata", "an object", *metadata, "write metadata: {name: my-workflow}");
    }
    check_members(*metadata, "/metadata", {"name", "description"});
    parsed_.workflow.name =
        read_string(*metadata, "/metadata", "name", "name the workflow: name: my-workflow");
    parsed_.workflow.description = read_string(*metadata, "/metadata", "description");
  }

  void read_inputs(const Json& document) {
    const Json* inputs = json::find(document, "inputs");
    if (inputs == nullptr) return;
    if (!inputs->is_object()) {
      return wrong_type("/inputs", "a JSON Schema of type object", *inputs,
                        "write inputs: {type: object, properties: {...}}, or leave it out");
    }
    parsed_.workflow.inputs = *inputs;
  }

  void read_nodes(const Json& document) {
    const Json* nodes = json::find(document, "nodes");
    if (nodes == nullptr) {
      return missing("", "nodes", "add nodes: [{id: ..., function: ..., arguments: {...}}]");
    }
    if (!nodes->is_array()) {
      return wrong_type("/nodes", "an array of steps", *nodes, "write each step as one list item");
    }
    for (std::size_t i = 0; i < nodes->size(); ++i) {
      parsed_.workflow.nodes.push_back(read_node((*nodes)[i], fmt::format("/nodes/{}", i)));
    }
  }

  Node read_node(const Json& json, const std::string& pointer) {
    Node node;
    if (!json.is_object()) {
      wrong_type(pointer, "a step", json, "write {id: ..., function: ..., arguments: {...}}");
      return node;
    }
    check_members(
        json, pointer,
        {"id", "function", "version", "goal", "arguments", "retry", "timeoutSeconds", "dependsOn"});
    node.id = NodeId(read_string(json, pointer, "id", "give the step an id that is its own"));
    node.function = read_string(json, pointer, "function", "name the function that the step calls");
    node.version = read_string(json, pointer, "version");
    node.goal = read_string(json, pointer, "goal");
    if (const Json* arguments = json::find(json, "arguments")) {
      node.arguments = read_bindings(*arguments, pointer + "/arguments", 0);
    }
    if (const Json* retry = json::find(json, "retry")) {
      node.retry = read_retry(*retry, pointer + "/retry");
    }
    node.timeout = read_seconds(json, pointer, "timeoutSeconds");
    if (const Json* depends_on = json::find(json, "dependsOn")) {
      read_depends_on(*depends_on, pointer + "/dependsOn", node);
    }
    return node;
  }

  void read_depends_on(const Json& json, const std::string& pointer, Node& node) {
    if (!json.is_array()) {
      return wrong_type(pointer, "an array of step ids", json, "write dependsOn: [step]");
    }
    for (std::size_t i = 0; i < json.size(); ++i) {
      if (json[i].is_string()) {
        node.depends_on.emplace_back(json[i].get<std::string>());
      } else {
        wrong_type(json::pointer_append(pointer, i), "the id of a step", json[i],
                   "write the id as a string");
      }
    }
  }

  const Json* read_number(const Json& object, const std::string& pointer, std::string_view name) {
    const Json* value = json::find(object, name);
    if (value == nullptr || value->is_number()) return value;
    wrong_type(json::pointer_append(pointer, name), "a number", *value, "write a number");
    return nullptr;
  }

  // Finer than a millisecond is rounded away from zero, so that no positive time becomes zero;
  // beyond thirty years it is all the same.
  std::optional<std::chrono::milliseconds> read_seconds(const Json& object,
                                                        const std::string& pointer,
                                                        std::string_view name) {
    const Json* value = read_number(object, pointer, name);
    if (value == nullptr) return std::nullopt;
    static constexpr double kLongest = 1e12;  // milliseconds
    const double exact = std::clamp(value->get<double>() * 1000.0, -kLongest, kLongest);
    double rounded = std::round(exact);
    static constexpr double kNoise = 1e-6;  // milliseconds: 1.001 * 1000 is not quite 1001
    if (std::abs(exact - rounded) > kNoise) {
      rounded = exact > 0 ? std::ceil(exact) : std::floor(exact);
    } else if (rounded == 0 && exact != 0) {
      rounded = exact > 0 ? 1 : -1;
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(rounded));
  }

  std::optional<RetryPolicy> read_retry(const Json& json, const std::string& pointer) {
    if (!json.is_object()) {
      wrong_type(pointer, "an object", json, "write retry: {maxAttempts: 3}");
      return std::nullopt;
    }
    check_members(json, pointer,
                  {"maxAttempts", "initialIntervalSeconds", "multiplier", "maxIntervalSeconds"});
    RetryPolicy retry;
    if (const Json* attempts = json::find(json, "maxAttempts")) {
      if (!attempts->is_number() || !is_whole(*attempts)) {
        wrong_type(pointer + "/maxAttempts", "a whole number", *attempts, "write maxAttempts: 3");
      } else {
        static constexpr double kMost = std::numeric_limits<int>::max();
        retry.max_attempts = static_cast<int>(std::clamp(attempts->get<double>(), -kMost, kMost));
      }
    }
    retry.initial_interval =
        read_seconds(json, pointer, "initialIntervalSeconds").value_or(retry.initial_interval);
    retry.max_interval =
        read_seconds(json, pointer, "maxIntervalSeconds").value_or(retry.max_interval);
    if (const Json* multiplier = read_number(json, pointer, "multiplier")) {
      retry.multiplier = multiplier->get<double>();
    }
    return retry;
  }

  Bindings read_bindings(const Json& json, const std::string& pointer, std::size_t depth) {
    Bindings bindings;
    if (!json.is_object()) {
      wrong_type(pointer, "an object of bindings", json, "write {name: {input: name}}");
      return bindings;
    }
    for (const auto& item : json.items()) {
      bindings.push_back(
          {item.key(),
           read_binding(item.value(), json::pointer_append(pointer, item.key()), depth + 1)});
    }
    return bindings;
  }

  Binding read_binding(const Json& json, const std::string& pointer, std::size_t depth) {
    static constexpr std::string_view kForms =
        "write {input: name}, {node: step, output: field}, {value: literal}, {list: [...]} or "
        "{object: {...}}";
    if (depth > kDeepest) {
      add("wrong_type", pointer, "bindings are nested too deeply", "nest at most 100 levels");
      return {};
    }
    if (!json.is_object()) {
      wrong_type(pointer, "a binding", json,
                 json.is_structured() ? std::string(kForms)
                                      : fmt::format("for a literal write {{value: {}}}",
                                                    shorten(json::dump(json), 60)));
      return {};
    }
    check_members(json, pointer, {"input", "node", "output", "value", "list", "object"});
    static constexpr std::array<std::string_view, 5> kKinds{"input", "node", "value", "list",
                                                            "object"};
    std::vector<std::string> given;
    for (const std::string_view kind : kKinds) {
      if (json::find(json, kind) != nullptr) given.emplace_back(kind);
    }
    const bool has_output = json::find(json, "output") != nullptr;
    if (given.empty()) {
      missing(pointer, has_output ? "node" : "input", std::string(kForms));
      return {};
    }
    if (given.size() > 1) {
      add("wrong_type", pointer,
          fmt::format("a binding has one source, this one has {}", join(given, " and ")),
          "keep one of them");
      return {};
    }
    if (has_output && given.front() != "node") {
      add("unknown_member", pointer + "/output", "\"output\" goes with \"node\" only",
          "remove it, or name the step in \"node\"", {"node"});
    }
    return read_source(json, given.front(), pointer, depth);
  }

  Binding read_source(const Json& json, std::string_view kind, const std::string& pointer,
                      std::size_t depth) {
    if (kind == "input") return {InputRef{read_string(json, pointer, "input")}};
    if (kind == "node") {
      return {OutputRef{NodeId(read_string(json, pointer, "node")),
                        read_string(json, pointer, "output")}};
    }
    if (kind == "value") return {Literal{*json::find(json, "value")}};
    if (kind == "object") {
      return {
          ObjectBinding{read_bindings(*json::find(json, "object"), pointer + "/object", depth)}};
    }
    const Json& items = *json::find(json, "list");
    ListBinding list;
    if (!items.is_array()) {
      wrong_type(pointer + "/list", "an array of bindings", items, "write {list: [{value: 1}]}");
      return {list};
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      list.items.push_back(
          read_binding(items[i], json::pointer_append(pointer + "/list", i), depth + 1));
    }
    return {std::move(list)};
  }

  ParsedWorkflow parsed_;
  int hints_ = kMostHints;
};

}  // namespace

ParsedWorkflow parse_workflow(const Json& document) { return Reader().read(document); }

Result<ParsedWorkflow> parse_workflow_text(std::string_view text) {
  AE_TRY(const Json document, json::parse_yaml(text));
  return parse_workflow(document);
}

}  // namespace ae::dag
