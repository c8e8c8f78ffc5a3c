#include "compile/stepfunctions/common_states.h"

#include <fmt/format.h>

#include "base/text.h"

namespace ae::compile::stepfunctions {

bool calls_http(const Machine& machine, std::size_t step) {
  return std::holds_alternative<dag::HttpService>(machine.spec(step).binding);
}

void write_goal(AslWriter& out, const Machine& machine, std::size_t step) {
  const std::string goal = one_line(machine.node(step).goal);
  if (!goal.empty()) out.member("Comment", goal);
}

void write_function_name(AslWriter& out, const Machine& machine, std::size_t step) {
  out.key("FunctionName");
  if (const auto* lambda = std::get_if<dag::LambdaFunction>(&machine.spec(step).binding)) {
    out.string(lambda->arn);
  } else if (machine.function_of[step] < machine.functions.size()) {
    out.substitution(machine.functions[machine.function_of[step]].substitution);
  } else {
    out.string(machine.node(step).function);
  }
}

void write_http_target(AslWriter& out, const Machine& machine, std::size_t step,
                       const Options& options) {
  const auto* http = std::get_if<dag::HttpService>(&machine.spec(step).binding);
  out.member("ApiEndpoint", http == nullptr ? "" : http->url).member("Method", "POST");
  out.key("Authentication").begin_object();
  out.member("ConnectionArn", options.connection).end_object();
}

void write_limits(AslWriter& out, const Machine& machine, std::size_t step) {
  out.member("TimeoutSeconds", timeout_seconds(machine, step));
  const std::optional<Retrier> retrier = retrier_of(machine, step);
  if (!retrier) return;
  out.key("Retry").begin_array().begin_object();
  out.key("ErrorEquals").raw("[\"States.ALL\"]");
  out.member("IntervalSeconds", retrier->interval_seconds);
  out.member("MaxAttempts", retrier->max_attempts);
  out.key("BackoffRate").raw(fmt::format("{}", retrier->backoff_rate));
  if (retrier->max_delay_seconds) out.member("MaxDelaySeconds", *retrier->max_delay_seconds);
  out.member("JitterStrategy", "FULL");
  out.end_object().end_array();
}

void write_next(AslWriter& out, std::string_view next) {
  if (next.empty()) {
    out.key("End").raw("true");
  } else {
    out.member("Next", next);
  }
}

void write_head(AslWriter& out, const Machine& machine, std::string_view language,
                std::string_view start) {
  const dag::Workflow& workflow = machine.linked->workflow;
  const std::string description = one_line(workflow.description);
  out.member("Comment", description.empty() ? workflow.name : description);
  out.member("QueryLanguage", language);
  out.member("StartAt", start);
}

const Block& first_step(const Block& block) {
  const Block* first = &block;
  while (first->kind == Stage::Kind::kSequence) first = &first->children.front();
  return *first;
}

std::vector<const Block*> sequence_of(const Block& block) {
  if (block.kind != Stage::Kind::kSequence) return {&block};
  std::vector<const Block*> children;
  children.reserve(block.children.size());
  for (const Block& child : block.children) children.push_back(&child);
  return children;
}

std::string required_text(const Machine& machine) {
  std::vector<std::string> parts;
  for (const InputProperty& input : machine.inputs) {
    if (!input.required) continue;
    parts.push_back(input.types.empty()
                        ? input.name
                        : fmt::format("{} ({})", input.name, join(input.types, " or ")));
  }
  return one_line(join(parts, ", "));
}

}  // namespace ae::compile::stepfunctions
