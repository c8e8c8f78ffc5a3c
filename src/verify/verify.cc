#include "verify/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "dag/order.h"
#include "dag/validate.h"
#include "json/subschema.h"
#include "verify/internal/dataflow.h"

namespace ae::verify {
namespace {

using dag::Diagnostic;
using dag::Severity;

// Effects that change something another step may change too.
bool writes(const dag::FunctionSpec& spec) {
  static const std::set<std::string, std::less<>> kWriting{"write", "delete", "pay", "book"};
  return std::ranges::any_of(spec.effects,
                             [](const std::string& effect) { return kWriting.contains(effect); });
}

bool is_identifier(std::string_view name) {
  const auto words = identifier_words(name);
  return !words.empty() && (words.back() == "id" || words.back() == "ids" ||
                            words.back() == "uuid" || words.back() == "key");
}

class Verification final {
 public:
  Verification(const dag::Workflow& workflow, const FunctionLookup& lookup,
               const std::vector<std::string>& known, const Evidence* evidence)
      : workflow_(workflow), lookup_(lookup), known_(known), evidence_(evidence) {}

  Verdict run() {
    verdict_.diagnostics = dag::validate(workflow_);
    verdict_.linked.workflow = workflow_;
    for (std::size_t i = 0; i < workflow_.nodes.size(); ++i) link(i);
    internal::check_dataflow(workflow_, specs_, verdict_.diagnostics);
    note_used();
    for (std::size_t i = 0; i < workflow_.nodes.size(); ++i) check_node(i);
    check_pairs();
    if (evidence_ != nullptr) check_evidence(*evidence_);
    put_errors_first();
    return std::move(verdict_);
  }

 private:
  void add(std::string code, std::string pointer, std::string message, std::string fix,
           std::vector<std::string> candidates = {}, Severity severity = Severity::kError) {
    verdict_.diagnostics.push_back({std::move(code), severity, std::move(pointer),
                                    std::move(message), std::move(fix), std::move(candidates)});
  }
  // Each kind keeps its order. (std::stable_sort's buffer is deprecated in this libstdc++.)
  void put_errors_first() {
    std::vector<Diagnostic> sorted;
    for (const Severity severity : {Severity::kError, Severity::kWarning}) {
      for (Diagnostic& diagnostic : verdict_.diagnostics) {
        if (diagnostic.severity == severity) sorted.push_back(std::move(diagnostic));
      }
    }
    verdict_.diagnostics = std::move(sorted);
  }
  void warn(std::string code, std::string pointer, std::string message, std::string fix) {
    add(std::move(code), std::move(pointer), std::move(message), std::move(fix), {},
        Severity::kWarning);
  }

  // Finds the function of a node and pins its version.
  void link(std::size_t index) {
    const dag::Node& node = workflow_.nodes[index];
    const std::string pointer = fmt::format("/nodes/{}", index);
    if (const dag::FunctionSpec* spec = lookup_(node.function, node.version)) {
      specs_[node.id] = spec;
      verdict_.linked.workflow.nodes[index].version = spec->version;
      verdict_.linked.functions.emplace(dag::function_key(spec->name, spec->version), *spec);
      return;
    }
    if (const dag::FunctionSpec* current =
            node.version.empty() ? nullptr : lookup_(node.function, {})) {
      add("unknown_version", pointer + "/version",
          fmt::format("{} has no version {}", node.function, node.version),
          "leave the version out to take the current one", {current->version});
      return;
    }
    const std::string near = nearest(node.function, known_);
    add("unknown_function", pointer + "/function",
        fmt::format("no function is called {}", node.function),
        near.empty() ? "add it (ae fn add), or name one that exists (ae fn list)"
                     : fmt::format("did you mean {}?", near),
        near.empty() ? std::vector<std::string>{} : std::vector<std::string>{near});
  }

  void check_node(std::size_t index) {
    const dag::Node& node = workflow_.nodes[index];
    const std::string pointer = fmt::format("/nodes/{}", index);
    if (node.goal.empty()) {
      warn("missing_goal", pointer, fmt::format("the step {} does not say what it is for", node.id),
           "add a goal in a few words");
    }
    const auto found = specs_.find(node.id);
    if (found == specs_.end()) return;
    const dag::FunctionSpec& spec = *found->second;
    if (spec.input.empty() || spec.output.empty()) {
      warn("unproven_schema", pointer,
           fmt::format("{} declares no {} schema, so its data flow cannot be proven", spec.name,
                       spec.input.empty() ? "input" : "output"),
           "declare it in the function's function.yaml");
    }
    if (!spec.effects.empty()) {
      warn("side_effects", pointer,
           fmt::format("{} has side effects: {}", node.id, join(spec.effects, ", ")),
           "approve them when the workflow is registered");
    }
    if (spec.effects.empty() && !used_.contains(node.id)) {
      warn("unused_output", pointer,
           fmt::format("nothing uses what {} gives, and it has no side effect", node.id),
           "use its output, or remove the step");
    }
    check_identifiers(node, pointer);
  }

  // The nodes that another step or an output of the workflow uses or waits for.
  void note_used() {
    const auto note = [&](const auto& ref) {
      if constexpr (std::is_same_v<std::decay_t<decltype(ref)>, dag::OutputRef>) {
        used_.insert(ref.node);
      }
    };
    for (const dag::Node& node : workflow_.nodes) {
      used_.insert(node.depends_on.begin(), node.depends_on.end());
      for (const dag::NamedBinding& argument : node.arguments) {
        dag::for_each_reference(argument.binding, note);
      }
    }
    for (const dag::NamedBinding& output : workflow_.outputs) {
      dag::for_each_reference(output.binding, note);
    }
  }

  // An internal id that a caller is asked for although callers rarely know one.
  void check_identifiers(const dag::Node& node, const std::string& pointer) {
    for (const dag::NamedBinding& argument : node.arguments) {
      const auto* input = std::get_if<dag::InputRef>(&argument.binding.source);
      if (input == nullptr || !is_identifier(argument.name)) continue;
      const Json* schema = json::member_schema(workflow_.inputs, input->input);
      const bool explained = schema != nullptr && (json::find(*schema, "examples") != nullptr ||
                                                   json::find(*schema, "default") != nullptr);
      if (explained) continue;
      warn("identifier_without_producer",
           json::pointer_append(pointer + "/arguments", argument.name),
           fmt::format("{} is an identifier that no step looks up, so the caller must know it",
                       argument.name),
           "add a function that finds it from something that people know");
    }
  }

  void check_pairs() {
    const auto& nodes = workflow_.nodes;
    std::map<std::string, std::vector<std::size_t>> by_function;
    for (std::size_t i = 0; i < nodes.size(); ++i) by_function[nodes[i].function].push_back(i);
    for (const auto& [function, indices] : by_function) {
      for (std::size_t a = 0; a + 1 < indices.size(); ++a) {
        // Against the next few only: a thousand copies would be reported a million times.
        for (std::size_t b = a + 1; b < std::min(indices.size(), a + 9); ++b) {
          check_pair(indices[a], indices[b]);
        }
      }
    }
  }

  void check_pair(std::size_t a, std::size_t b) {
    const dag::Node& first = workflow_.nodes[a];
    const dag::Node& second = workflow_.nodes[b];
    const auto spec = specs_.find(second.id);
    if (spec == specs_.end() || first.id == second.id) return;
    const std::string pointer = fmt::format("/nodes/{}", b);
    if (same_arguments(first, second)) {
      add("duplicate_step", pointer,
          fmt::format("{} does the same as {}: {} with the same arguments", second.id, first.id,
                      second.function),
          fmt::format("remove it and use the outputs of {}", first.id));
    } else if (writes(*spec->second) && share_target(first, second) && !ordered(a, b)) {
      warn("conflicting_writers", pointer,
           fmt::format("{} and {} change the same thing and may run at once", first.id, second.id),
           fmt::format("let one wait for the other: dependsOn: [{}]", first.id));
    }
  }

  static bool same_arguments(const dag::Node& a, const dag::Node& b) {
    return a.arguments.size() == b.arguments.size() &&
           std::ranges::all_of(a.arguments, [&](const dag::NamedBinding& argument) {
             const dag::Binding* other = dag::find_binding(b.arguments, argument.name);
             return other != nullptr && *other == argument.binding;
           });
  }

  static bool share_target(const dag::Node& a, const dag::Node& b) {
    return std::ranges::any_of(a.arguments, [&](const dag::NamedBinding& argument) {
      const dag::Binding* other = dag::find_binding(b.arguments, argument.name);
      return is_identifier(argument.name) && other != nullptr && *other == argument.binding;
    });
  }

  bool ordered(std::size_t a, std::size_t b) {
    if (dependencies_.empty()) dependencies_ = dag::dependencies(workflow_);
    return reaches(a, b) || reaches(b, a);
  }

  // Whether `from` waits for `to`, directly or not.
  bool reaches(std::size_t from, std::size_t to) const {
    std::vector<std::size_t> open{from};
    std::set<std::size_t> seen;
    while (!open.empty()) {
      const std::size_t here = open.back();
      open.pop_back();
      if (here == to) return true;
      if (!seen.insert(here).second) continue;
      open.insert(open.end(), dependencies_[here].begin(), dependencies_[here].end());
    }
    return false;
  }

  void check_evidence(const Evidence& evidence) {
    for (const Evidence::Clause& clause : evidence.clauses) {
      if (clause.served) continue;
      warn("unserved_clause", "", fmt::format("no step serves \"{}\"", clause.text),
           "add a function that does it, or leave it out of the query");
    }
    for (std::size_t i = 0; i < workflow_.nodes.size(); ++i) {
      for (const dag::NamedBinding& argument : workflow_.nodes[i].arguments) {
        check_grounding(argument.binding,
                        json::pointer_append(fmt::format("/nodes/{}/arguments", i), argument.name),
                        evidence);
      }
    }
  }

  void check_grounding(const dag::Binding& binding, const std::string& pointer,
                       const Evidence& evidence) {
    if (const auto* list = std::get_if<dag::ListBinding>(&binding.source)) {
      for (const dag::Binding& item : list->items) check_grounding(item, pointer, evidence);
    } else if (const auto* object = std::get_if<dag::ObjectBinding>(&binding.source)) {
      for (const auto& member : object->members) {
        check_grounding(member.binding, pointer, evidence);
      }
    } else if (const auto* literal = std::get_if<dag::Literal>(&binding.source)) {
      const bool grounded = std::ranges::any_of(evidence.grounded_values, [&](const Json& value) {
        return json::equal(value, literal->value);
      });
      if (grounded) return;
      add("ungrounded_literal", pointer,
          fmt::format("the query does not say {}", json::dump(literal->value)),
          "ask the caller for it: bind an input instead of a value");
    }
  }

  const dag::Workflow& workflow_;
  const FunctionLookup& lookup_;
  const std::vector<std::string>& known_;
  const Evidence* evidence_;
  Verdict verdict_;
  internal::SpecByNode specs_;
  std::set<dag::NodeId> used_;
  std::vector<std::vector<std::size_t>> dependencies_;
};

}  // namespace

Verdict verify(const dag::Workflow& workflow, const FunctionLookup& lookup,
               const std::vector<std::string>& known_functions, const Evidence* evidence) {
  return Verification(workflow, lookup, known_functions, evidence).run();
}

}  // namespace ae::verify
