// The waist of the hourglass: the neutral workflow. Value types only.
//
// Left of this header modules make workflows, right of it modules consume them. A node waits only
// for what it uses; an edge names the producing *field*. JSON form: serialize.h; what makes a
// workflow well-formed: validate.h.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/id.h"
#include "json/json.h"

namespace ae::dag {

using NodeId = Id<struct NodeTag>;

// A value that the caller of the workflow supplies; a property of Workflow::inputs.
struct InputRef {
  std::string input;
  bool operator==(const InputRef&) const = default;
};

// A field of an earlier node's output: "title", or "song.title" for a member of a member. An empty
// field is the whole output.
struct OutputRef {
  NodeId node;
  std::string field;
  bool operator==(const OutputRef&) const = default;
};

struct Literal {
  Json value;
  bool operator==(const Literal& other) const { return json::equal(value, other.value); }
};

struct Binding;
struct NamedBinding;

struct ListBinding {
  std::vector<Binding> items;
  bool operator==(const ListBinding&) const;
};

struct ObjectBinding {
  std::vector<NamedBinding> members;
  bool operator==(const ObjectBinding&) const;
};

// Where a parameter's value comes from.
struct Binding {
  std::variant<InputRef, OutputRef, Literal, ListBinding, ObjectBinding> source;
  bool operator==(const Binding&) const = default;
};

// A parameter of a node, a member of an object, or an output of the workflow.
struct NamedBinding {
  std::string name;
  Binding binding;
  bool operator==(const NamedBinding&) const = default;
};

inline bool ListBinding::operator==(const ListBinding&) const = default;
inline bool ObjectBinding::operator==(const ObjectBinding&) const = default;

using Bindings = std::vector<NamedBinding>;  // in declared order, names unique

// Waits initial, initial*multiplier, … between attempts, at most max_interval, with full jitter.
struct RetryPolicy {
  int max_attempts = 3;  // the first one included; 1 means no retry
  std::chrono::milliseconds initial_interval{200};
  double multiplier = 2.0;
  std::chrono::milliseconds max_interval{10'000};
  bool operator==(const RetryPolicy&) const = default;
};

struct Node {
  NodeId id;
  std::string function;
  std::string version;  // content hash; empty until the workflow is linked
  std::string goal;     // what this step is for, in words
  Bindings arguments;
  std::optional<RetryPolicy> retry;                  // none: the executor's default
  std::optional<std::chrono::milliseconds> timeout;  // none: the function's own
  std::vector<NodeId> depends_on;                    // order without data
  bool operator==(const Node&) const = default;
};

struct Workflow {
  std::string name;
  std::string description;
  Json inputs = Json{{"type", "object"}, {"properties", Json::object()}};  // JSON Schema
  std::vector<Node> nodes;
  Bindings outputs;
  bool operator==(const Workflow&) const = default;
};

// Calls visit(const InputRef&) or visit(const OutputRef&) for every reference inside, depth first.
template <class Visit>
void for_each_reference(const Binding& binding, Visit&& visit) {
  if (const auto* input = std::get_if<InputRef>(&binding.source)) {
    visit(*input);
  } else if (const auto* output = std::get_if<OutputRef>(&binding.source)) {
    visit(*output);
  } else if (const auto* list = std::get_if<ListBinding>(&binding.source)) {
    for (const Binding& item : list->items) for_each_reference(item, visit);
  } else if (const auto* object = std::get_if<ObjectBinding>(&binding.source)) {
    for (const NamedBinding& member : object->members) for_each_reference(member.binding, visit);
  }
}

// nullptr when there is none of that name.
const Node* find_node(const Workflow& workflow, const NodeId& id);
const Binding* find_binding(const Bindings& bindings, std::string_view name);

}  // namespace ae::dag
