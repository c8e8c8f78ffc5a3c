#include "dag/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "dag/function_spec.h"
#include "dag/internal/graph.h"
#include "dag/order.h"
#include "json/schema.h"

namespace ae::dag {
namespace {

constexpr std::size_t kLongestName = 63;  // a DNS label, which platforms make of a name
constexpr std::chrono::hours kLongestTime{24};
constexpr int kMostAttempts = 100;

bool is_name(std::string_view text) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= kLongestName && is_alphanumeric(text.front()) &&
         std::ranges::all_of(text,
                             [&](char c) { return is_alphanumeric(c) || c == '_' || c == '-'; });
}

class Validation final {
 public:
  explicit Validation(const Workflow& workflow) : workflow_(workflow) {}

  std::vector<Diagnostic> run() {
    index_nodes();
    check_name(workflow_.name, "/metadata/name", "workflow");
    note_used_inputs();
    check_inputs();
    if (workflow_.nodes.empty()) {
      add("empty_workflow", "/nodes", "the workflow has no steps", "add at least one step");
    }
    const std::vector<std::size_t> cycle = find_cycle();
    for (std::size_t i = 0; i < workflow_.nodes.size(); ++i) {
      check_node(i);
      if (!cycle.empty() && cycle.front() == i) {
        add("cycle", fmt::format("/nodes/{}", i),
            fmt::format("these steps wait for each other: {}",
                        internal::cycle_text(workflow_, cycle)),
            "remove one of these dependencies");
      }
    }
    for (const NamedBinding& output : workflow_.outputs) {
      check_binding(output.binding, json::pointer_append("/outputs", output.name), nullptr);
    }
    if (workflow_.outputs.empty() && !workflow_.nodes.empty()) {
      add("missing_outputs", "", "the workflow returns nothing",
          "add outputs: {name: {node: step, output: field}}", {}, Severity::kWarning);
    }
    return std::move(found_);
  }

 private:
  // A suggestion compares with every known name: few, and only among a manageable number.
  static constexpr int kMostHints = 50;
  static constexpr std::size_t kMostCompared = 500;

  void add(std::string code, std::string pointer, std::string message, std::string fix,
           std::vector<std::string> candidates = {}, Severity severity = Severity::kError) {
    found_.push_back({std::move(code), severity, std::move(pointer), std::move(message),
                      std::move(fix), std::move(candidates)});
  }

  void index_nodes() {
    for (const Node& node : workflow_.nodes) {
      ids_.insert(node.id);
      if (id_names_.size() < kMostCompared + 1) id_names_.push_back(node.id.str());
    }
    input_names_ = property_names(workflow_.inputs);
    inputs_.insert(input_names_.begin(), input_names_.end());
  }

  std::string hint(std::string_view wanted, const std::vector<std::string>& names) {
    if (names.size() > kMostCompared || hints_-- <= 0) return {};
    return nearest(wanted, names);
  }

  void check_name(const std::string& name, const std::string& pointer, std::string_view what) {
    if (is_name(name)) return;
    add("invalid_name", pointer,
        fmt::format("\"{}\" cannot be the name of a {}", shorten(name, 80), what),
        "use letters, digits, _ and -, at most 63, the first a letter or a digit");
  }

  void note_used_inputs() {
    const auto note = [&](const auto& reference) {
      if constexpr (requires { reference.input; }) used_inputs_.insert(reference.input);
    };
    for (const Node& node : workflow_.nodes) {
      for (const NamedBinding& one : node.arguments) for_each_reference(one.binding, note);
    }
    for (const NamedBinding& one : workflow_.outputs) for_each_reference(one.binding, note);
  }

  void check_inputs() {
    const Json& inputs = workflow_.inputs;
    const auto refuse = [&](const std::string& pointer, std::string message) {
      add("invalid_inputs_schema", "/inputs" + pointer, std::move(message),
          "inputs is a JSON Schema: {type: object, properties: {...}, required: [...]}");
    };
    if (!inputs.is_object()) return refuse("", "not a JSON Schema of an object");
    for (const json::SchemaViolation& violation : json::check_schema(inputs)) {
      refuse(violation.pointer, violation.message);
    }
    if (const Json* type = json::find(inputs, "type"); type == nullptr || *type != "object") {
      refuse("", "the inputs of a workflow are an object: type must be \"object\"");
    }
    if (const Json* required = json::find(inputs, "required");
        required != nullptr && required->is_array()) {
      for (std::size_t i = 0; i < required->size(); ++i) {
        const Json& name = (*required)[i];
        if (!name.is_string() || inputs_.contains(name.get_ref<const std::string&>())) continue;
        refuse(fmt::format("/required/{}", i),
               fmt::format("\"{}\" is required but is not among the properties",
                           shorten(name.get_ref<const std::string&>(), 60)));
      }
    }
    for (const std::string& name : input_names_) {
      if (used_inputs_.contains(name)) continue;
      add("unused_input", json::pointer_append("/inputs/properties", name),
          fmt::format("no step uses the input \"{}\"", shorten(name, 60)),
          "remove it, or bind it to a parameter", {}, Severity::kWarning);
    }
  }

  void check_node(std::size_t index) {
    const Node& node = workflow_.nodes[index];
    const std::string pointer = fmt::format("/nodes/{}", index);
    check_name(node.id.str(), pointer + "/id", "step");
    if (const auto [first, fresh] = first_of_.emplace(node.id, index); !fresh) {
      add("duplicate_node", pointer + "/id",
          fmt::format("the id \"{}\" is already that of step {}", shorten(node.id.str(), 63),
                      first->second + 1),
          "give each step an id of its own");
    }
    if (node.function.empty()) {
      add("invalid_name", pointer + "/function", "the name of the function is empty",
          "name the function that the step calls");
    }
    for (const NamedBinding& argument : node.arguments) {
      check_binding(argument.binding, json::pointer_append(pointer + "/arguments", argument.name),
                    &node);
    }
    if (node.retry) check_retry(*node.retry, pointer + "/retry");
    if (node.timeout && (*node.timeout <= node.timeout->zero() || *node.timeout > kLongestTime)) {
      add("invalid_timeout", pointer + "/timeoutSeconds",
          fmt::format("a timeout of {} s is not possible",
                      static_cast<double>(node.timeout->count()) / 1000),
          "use more than 0 and at most 86400 seconds");
    }
    for (std::size_t i = 0; i < node.depends_on.size(); ++i) {
      check_node_reference(node.depends_on[i], fmt::format("{}/dependsOn/{}", pointer, i), &node);
    }
  }

  void check_retry(const RetryPolicy& retry, const std::string& pointer) {
    const auto refuse = [&](std::string_view member, std::string message, std::string fix) {
      add("invalid_retry", json::pointer_append(pointer, member), std::move(message),
          std::move(fix));
    };
    if (retry.max_attempts < 1 || retry.max_attempts > kMostAttempts) {
      refuse("maxAttempts", fmt::format("{} attempts are not possible", retry.max_attempts),
             "use 1 (no retry) to 100");
    }
    const auto is_wait = [](std::chrono::milliseconds wait) {
      return wait >= wait.zero() && wait <= kLongestTime;
    };
    if (!is_wait(retry.initial_interval)) {
      refuse("initialIntervalSeconds", "the first wait is out of range", "use 0 to 86400 seconds");
    }
    if (!(retry.multiplier >= 1 && retry.multiplier <= 100)) {
      refuse("multiplier", "waits must not shrink, nor grow more than a hundredfold",
             "use 1 to 100");
    }
    if (!is_wait(retry.max_interval)) {
      refuse("maxIntervalSeconds", "the longest wait is out of range", "use 0 to 86400 seconds");
    }
  }

  // `node` is the step that refers, nullptr for the workflow's outputs.
  void check_binding(const Binding& binding, const std::string& pointer, const Node* node) {
    if (const auto* input = std::get_if<InputRef>(&binding.source)) {
      check_input_reference(*input, pointer + "/input");
    } else if (const auto* output = std::get_if<OutputRef>(&binding.source)) {
      check_node_reference(output->node, pointer + "/node", node);
    } else if (const auto* list = std::get_if<ListBinding>(&binding.source)) {
      for (std::size_t i = 0; i < list->items.size(); ++i) {
        check_binding(list->items[i], fmt::format("{}/list/{}", pointer, i), node);
      }
    } else if (const auto* object = std::get_if<ObjectBinding>(&binding.source)) {
      for (const NamedBinding& member : object->members) {
        check_binding(member.binding, json::pointer_append(pointer + "/object", member.name), node);
      }
    }
  }

  void check_input_reference(const InputRef& reference, const std::string& pointer) {
    if (inputs_.contains(reference.input)) return;
    const std::string near = hint(reference.input, input_names_);
    add("unknown_input", pointer,
        fmt::format("the workflow has no input \"{}\"", shorten(reference.input, 60)),
        near.empty()
            ? "declare it under inputs.properties"
            : fmt::format("did you mean \"{}\"? Else declare it under inputs.properties", near),
        near.empty() ? std::vector<std::string>{} : std::vector<std::string>{near});
  }

  void check_node_reference(const NodeId& id, const std::string& pointer, const Node* from) {
    if (from != nullptr && id == from->id) {
      return add("self_reference", pointer,
                 fmt::format("the step \"{}\" uses itself", shorten(id.str(), 63)),
                 "use the output of another step, or an input");
    }
    if (ids_.contains(id)) return;
    const std::string near = hint(id.str(), id_names_);
    add("unknown_node", pointer, fmt::format("there is no step \"{}\"", shorten(id.str(), 63)),
        near.empty() ? "add that step, or name an existing one"
                     : fmt::format("did you mean \"{}\"?", near),
        near.empty() ? std::vector<std::string>{} : std::vector<std::string>{near});
  }

  // Self references are reported where they stand, not as cycles.
  std::vector<std::size_t> find_cycle() const {
    auto inputs = dependencies(workflow_);
    for (std::size_t i = 0; i < inputs.size(); ++i) std::erase(inputs[i], i);
    return internal::find_cycle(inputs);
  }

  const Workflow& workflow_;
  std::unordered_set<NodeId> ids_;
  std::vector<std::string> id_names_;
  std::vector<std::string> input_names_;
  std::unordered_set<std::string> inputs_;
  std::unordered_set<std::string> used_inputs_;
  std::unordered_map<NodeId, std::size_t> first_of_;
  std::vector<Diagnostic> found_;
  int hints_ = kMostHints;
};

}  // namespace

std::vector<Diagnostic> validate(const Workflow& workflow) { return Validation(workflow).run(); }

}  // namespace ae::dag
