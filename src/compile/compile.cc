#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "compile/compiler.h"
#include "dag/validate.h"

namespace ae::compile {
namespace {

std::string quoted_list(std::span<const std::string> names) { return join(names, ", "); }

Result<const CompilerTarget*> find_target(std::string_view name) {
  std::vector<std::string> known;
  for (const CompilerTarget* target : targets()) {
    if (target->name() == name) return target;
    known.emplace_back(target->name());
  }
  const std::string near = nearest(name, known);
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no target \"{}\"{}; the targets are: {}", shorten(name, 60),
                          near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near),
                          quoted_list(known)));
}

// "a | b" lists what may be said; "<text>" leaves it open.
bool is_allowed(std::string_view values, std::string_view value) {
  if (values.starts_with('<')) return !value.empty();
  return std::ranges::any_of(split(values, '|'),
                             [&](std::string_view one) { return trim(one) == value; });
}

Result<void> check_options(const CompilerTarget& target, const TargetOptions& options) {
  for (const auto& [name, value] : options) {
    const auto known = std::ranges::find(target.options(), name, &OptionInfo::name);
    if (known == target.options().end()) {
      std::vector<std::string> names;
      for (const OptionInfo& option : target.options()) names.emplace_back(option.name);
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("target {} has no option \"{}\"; it has: {}", target.name(),
                              shorten(name, 60), names.empty() ? "none" : quoted_list(names)));
    }
    if (!is_allowed(known->values, value)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("option {} of target {} cannot be \"{}\": use {}", name,
                              target.name(), shorten(value, 60), known->values));
    }
  }
  return {};
}

Result<void> check_workflow(const dag::LinkedWorkflow& linked) {
  for (const dag::Diagnostic& found : dag::validate(linked.workflow)) {
    if (found.severity != dag::Severity::kError) continue;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the workflow is not well-formed: {}: {}: {}; {}", found.code,
                            found.pointer, found.message, found.fix));
  }
  for (const dag::Node& node : linked.workflow.nodes) {
    if (linked.functions.contains(dag::function_key(node.function, node.version))) continue;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("step {} calls {}@{}, which is not linked: link the workflow first",
                            node.id, node.function, node.version));
  }
  return {};
}

}  // namespace

Result<Compiled> compile(const dag::LinkedWorkflow& workflow, std::string_view target,
                         const TargetOptions& options) {
  AE_TRY(const CompilerTarget* chosen, find_target(target));
  AE_CHECK(check_options(*chosen, options));
  AE_CHECK(check_workflow(workflow));
  AE_TRY(Compiled compiled, chosen->compile(workflow, options));
  if (dag::has_errors(compiled.diagnostics)) compiled.artifact = {};
  return compiled;
}

}  // namespace ae::compile
