// The forms of runs and events that people and programs outside see.
#include <fmt/format.h>

#include "execute/run.h"

namespace ae::execute {
namespace {

Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(to_rfc3339(*time)) : Json();
}

Json step_json(const dag::NodeId& id, const StepState& step) {
  Json json = {{"id", id.str()},
               {"status", std::string(to_string(step.status))},
               {"attempts", step.attempts},
               {"input", step.input},
               {"output", step.output}};
  if (step.error) json["error"] = to_json(*step.error);
  json["started_at"] = time_or_null(step.started_at);
  json["finished_at"] = time_or_null(step.finished_at);
  json["duration_ms"] = step.duration ? Json(step.duration->count()) : Json();
  return json;
}

Json error_json(const RunState& state) {
  Json json = {{"code", std::string(to_string(state.error->code))},
               {"message", state.error->describe()}};
  if (state.failed_node.empty()) return json;
  json["node"] = state.failed_node.str();
  const auto step = state.steps.find(state.failed_node);
  if (step != state.steps.end() && step->second.error) json["type"] = step->second.error->type;
  return json;
}

// What a resumption without a choice would run first: the steps that stopped the run; of a run
// that was cancelled, those that it would go on with.
Json resume_json(const RunState& state) {
  Json from = Json::array();
  for (const dag::NodeId& id : state.order) {
    const StepStatus status = state.steps.at(id).status;
    if (status == StepStatus::kFailed || status == StepStatus::kOutcomeUnknown ||
        status == StepStatus::kCancelled) {
      from.push_back(id.str());
    }
  }
  return {{"how", fmt::format("POST /v1/runs/{}/resume with {{}}, or with {{\"from\": [step ids], "
                              "\"input\": {{…}}}} to choose steps or to change the input",
                              state.id)},
          {"cli", fmt::format("ae resume {}", state.id)},
          {"from", std::move(from)}};
}

}  // namespace

Json to_json(const FunctionError& error) {
  return {{"type", error.type}, {"message", error.message}, {"stack_trace", error.stack_trace}};
}

FunctionError function_error_from_json(const Json& json) {
  FunctionError error;
  error.type = json::string_or(json, "type");
  error.message = json::string_or(json, "message");
  if (const Json* trace = json::find(json, "stack_trace")) error.stack_trace = *trace;
  return error;
}

Json to_json(const RunState& state) {
  Json steps = Json::array();
  for (const dag::NodeId& id : state.order) steps.push_back(step_json(id, state.steps.at(id)));
  Json json = {{"id", state.id.str()},
               {"workflow", state.workflow},
               {"workflow_version", state.workflow_version},
               {"status", std::string(to_string(state.status))},
               {"input", state.input},
               {"outputs", state.outputs}};
  if (state.error) json["error"] = error_json(state);
  json["steps"] = std::move(steps);
  json["accepted_at"] = to_rfc3339(state.accepted_at);
  json["finished_at"] = time_or_null(state.finished_at);
  if (state.status != RunStatus::kRunning && state.status != RunStatus::kSucceeded) {
    json["resume"] = resume_json(state);
  }
  return json;
}

Json to_json(const Event& event) {
  Json json = {{"sequence", event.sequence}, {"kind", std::string(to_string(event.kind))}};
  if (!event.node.empty()) json["node"] = event.node.str();
  json["at"] = to_rfc3339(event.at);
  json["data"] = event.data;
  return json;
}

}  // namespace ae::execute
