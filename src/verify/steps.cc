// What holds between steps: none twice, writers in order, no work for nothing.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_set>

#include "base/text.h"
#include "dag/serialize.h"
#include "verify/internal/context.h"

namespace ae::verify::internal {
namespace {

std::string arguments_text(const dag::Node& node) {
  Json arguments = Json::object();
  for (const dag::NamedBinding& one : node.arguments) arguments[one.name] = to_json(one.binding);
  return json::canonical(arguments);
}

// Steps that do the same thing with the same values. Reading the same again after something else
// is not the same: dependsOn tells them apart.
std::string step_text(const dag::Node& node) {
  std::vector<std::string> after;
  for (const dag::NodeId& id : node.depends_on) after.push_back(id.str());
  std::ranges::sort(after);
  return fmt::format("{}\n{}\n{}\n{}", node.function, node.version, join(after, "\n"),
                     arguments_text(node));
}

bool is_writer(const dag::FunctionSpec& spec) {
  static constexpr std::array<std::string_view, 4> kWrites{"write", "delete", "pay", "book"};
  return std::ranges::any_of(spec.effects, [](const std::string& effect) {
    return std::ranges::find(kWrites, effect) != kWrites.end();
  });
}

bool is_handle(const std::string& parameter) {
  static constexpr std::array<std::string_view, 6> kHandles{"id",   "key", "path",
                                                            "file", "url", "uri"};
  const std::vector<std::string> words = identifier_words(parameter);
  return !words.empty() && std::ranges::find(kHandles, words.back()) != kHandles.end();
}

// Does the handle name the thing that the function changes? "order_id" of "cancel_order" does,
// "user_id" of "create_event" only says whose it is.
bool names_the_resource(const std::string& function, const std::string& handle) {
  const std::vector<std::string> words = identifier_words(handle);
  const std::vector<std::string> verbs = identifier_words(function);
  return std::all_of(words.begin(), words.end() - 1, [&](const std::string& word) {
    return std::ranges::find(verbs, word) != verbs.end();
  });
}

class Steps final {
 public:
  explicit Steps(Context& context) : context_(context), nodes_(context.workflow.nodes) {}

  void run() {
    find_duplicates();
    if (!context_.rank.empty()) find_conflicts();
    note_used_outputs();
    // Goals are optional; but where steps state theirs, one without is an oversight.
    const bool goals =
        context_.evidence != nullptr ||
        std::ranges::any_of(nodes_, [](const dag::Node& node) { return !node.goal.empty(); });
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (context_.specs[i] != nullptr) check_use(i, *context_.specs[i]);
      if (goals && nodes_[i].goal.empty()) report_missing_goal(i);
    }
  }

 private:
  void find_duplicates() {
    std::map<std::string, std::size_t> first;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const auto [same, fresh] = first.emplace(step_text(nodes_[i]), i);
      if (fresh) continue;
      duplicates_.insert(i);
      context_.error("duplicate_step", node_pointer(i),
                     fmt::format("the step {} does what {} does, with the same values",
                                 nodes_[i].id, nodes_[same->second].id),
                     fmt::format("remove it and use the output of {}", nodes_[same->second].id),
                     {nodes_[same->second].id.str()});
    }
  }

  // Groups writers by what they write; in each group every one must be ordered after the one before
  // it, which makes all of them ordered. Certain conflicts are errors; sharing an id that may just
  // be the owner's is a warning.
  void find_conflicts() {
    Groups certain;
    Groups possible;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const dag::FunctionSpec* spec = context_.specs[i];
      if (spec == nullptr || !is_writer(*spec) || duplicates_.contains(i)) continue;
      const std::string& function = nodes_[i].function;
      certain[{"with the same values", function + arguments_text(nodes_[i])}].push_back(i);
      for (const dag::NamedBinding& argument : nodes_[i].arguments) {
        const std::string value = json::canonical(to_json(argument.binding));
        const std::string what = "the same " + argument.name;
        if (!is_handle(argument.name)) continue;
        if (names_the_resource(function, argument.name)) {
          certain[{what, value}].push_back(i);
        } else {
          possible[{what, function + value}].push_back(i);
        }
      }
    }
    report_conflicts(certain, dag::Severity::kError);
    report_conflicts(possible, dag::Severity::kWarning);
  }

  using Groups = std::map<std::pair<std::string, std::string>, std::vector<std::size_t>>;

  void report_conflicts(Groups& groups, dag::Severity severity) {
    for (auto& [what, group] : groups) {
      std::ranges::sort(group, {}, [&](std::size_t node) { return context_.rank[node]; });
      for (std::size_t k = 1; k < group.size(); ++k) {
        if (is_after(group[k], group[k - 1])) continue;
        if (!conflicts_.emplace(group[k - 1], group[k]).second) continue;
        report_conflict(nodes_[group[k - 1]].id, group[k], what.first, severity);
      }
    }
  }

  void report_conflict(const dag::NodeId& first, std::size_t second, const std::string& what,
                       dag::Severity severity) {
    const bool certain = severity == dag::Severity::kError;
    const std::string message =
        fmt::format("{} and {} {} write {}, and nothing says which comes first", first,
                    nodes_[second].id, certain ? "both" : "may both", what);
    const std::string fix = fmt::format("add dependsOn: [{}] to the step that comes second", first);
    if (certain) {
      context_.error("conflicting_writers", node_pointer(second), message, fix, {first.str()});
    } else {
      context_.warning("conflicting_writers", node_pointer(second), message, fix, {first.str()});
    }
  }

  // Walks back from `later`; nothing that ranks before `earlier` can lead to it.
  bool is_after(std::size_t later, std::size_t earlier) const {
    std::vector<std::size_t> stack{later};
    std::unordered_set<std::size_t> seen{later};
    while (!stack.empty()) {
      const std::size_t here = stack.back();
      stack.pop_back();
      for (const std::size_t input : context_.inputs[here]) {
        if (input == earlier) return true;
        if (context_.rank[input] > context_.rank[earlier] && seen.insert(input).second) {
          stack.push_back(input);
        }
      }
    }
    return false;
  }

  void note_used_outputs() {
    const auto note = [&](const auto& reference) {
      if constexpr (requires { reference.node; }) used_.insert(reference.node);
    };
    for (const dag::Node& node : nodes_) {
      used_.insert(node.depends_on.begin(), node.depends_on.end());  // a gate: it may fail
      for (const dag::NamedBinding& one : node.arguments)
        dag::for_each_reference(one.binding, note);
    }
    for (const dag::NamedBinding& one : context_.workflow.outputs) {
      dag::for_each_reference(one.binding, note);
    }
  }

  void check_use(std::size_t index, const dag::FunctionSpec& spec) {
    const dag::Node& node = nodes_[index];
    if (spec.effects.empty() && !used_.contains(node.id)) {
      context_.warning("unused_output", node_pointer(index),
                       fmt::format("nobody uses what {} gives, and it changes nothing", node.id),
                       "bind its output, add it to the workflow's outputs, or remove the step");
    }
    if (!spec.effects.empty()) {
      context_.warning("side_effects", node_pointer(index),
                       fmt::format("{} acts on the world: {}{}", node.id, join(spec.effects, ", "),
                                   spec.at_most_once() ? "; it is never repeated by itself" : ""),
                       "make sure that this is wanted before the first run");
    }
  }

  void report_missing_goal(std::size_t index) {
    context_.warning("missing_goal", node_pointer(index),
                     fmt::format("the step {} does not say what it is for", nodes_[index].id),
                     "add goal: what the step is for, in words");
  }

  Context& context_;
  const std::vector<dag::Node>& nodes_;
  std::set<std::size_t> duplicates_;
  std::set<std::pair<std::size_t, std::size_t>> conflicts_;  // reported
  std::unordered_set<dag::NodeId> used_;
};

}  // namespace

void check_steps(Context& context) { Steps(context).run(); }

}  // namespace ae::verify::internal
