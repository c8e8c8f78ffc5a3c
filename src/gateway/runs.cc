#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "execute/arguments.h"
#include "gateway/internal/body.h"
#include "gateway/internal/core.h"
#include "gateway/internal/run_answers.h"
#include "gateway/internal/schemas.h"
#include "net/http_message.h"

namespace ae::gateway {
namespace {

using execute::RunId;

std::shared_ptr<const dag::LinkedWorkflow> linked_of(
    const std::shared_ptr<const catalog::RegisteredWorkflow>& registered) {
  return {registered, &registered->linked};
}

void refuse_input(Call& call, std::string_view workflow,
                  const std::vector<dag::Diagnostic>& wrong) {
  const bool missing = std::ranges::any_of(
      wrong, [](const dag::Diagnostic& one) { return one.code == "missing_input"; });
  call.fail(422, missing ? "missing_input" : "invalid_input",
            missing ? "An input is missing" : "An input is wrong",
            fmt::format("{}. The inputs of \"{}\" are described at GET {}", summarize(wrong),
                        workflow, "/v1/workflows/" + net::percent_encode(workflow)),
            wrong);
}

std::optional<std::string> idempotency_key(Call& call) {
  const std::string key(trim(call.request().header("Idempotency-Key").value_or("")));
  if (key.size() > 255 || !is_utf8(key)) {
    call.fail(400, "invalid_header", "Idempotency-Key is wrong",
              "an Idempotency-Key has at most 255 bytes of UTF-8; a UUID does well");
    return std::nullopt;
  }
  return key;
}

// Checks the input, starts the run, and answers as `style` says.
void start_run(const CorePtr& core, const CallPtr& call, Json input, std::string_view pointer,
               int version, std::chrono::milliseconds wait, AnswerStyle style) {
  const std::string& id = call->path_parameter("workflow");
  auto registered = core->services.catalog.get(id, version);
  if (!registered) return call->fail(registered.error());
  Json prepared = input;
  const auto wrong = check_input((*registered)->linked.workflow.inputs, prepared, pointer);
  if (!wrong.empty()) return refuse_input(*call, id, wrong);
  const std::optional<std::string> key = idempotency_key(*call);
  if (!key) return;
  execute::StartRequest request{.workflow = (*registered)->id,
                                .workflow_version = (*registered)->version,
                                .linked = linked_of(*registered),
                                .input = std::move(input),
                                .idempotency_key = *key};
  core->services.orchestrator.start(std::move(request),
                                    [core, call, wait, style](Result<RunId> run) {
                                      if (!run) return call->fail(run.error());
                                      answer_run(core, call, *run, wait, style);
                                    });
}

void create_run(const CorePtr& core, const CallPtr& call) {
  const Json* input = json::find(call->body, "input");
  const Json* version = json::find(call->body, "version");
  start_run(core, call, input == nullptr ? Json::object() : *input, "/input",
            version == nullptr ? 0 : version->get<int>(),
            wait_of(*core, *call, std::chrono::milliseconds{0}), AnswerStyle::kStarted);
}

void call_endpoint(const CorePtr& core, const CallPtr& call) {
  const auto wait =
      std::min(wait_of(*core, *call, core->options.endpoint_wait), core->options.endpoint_wait);
  start_run(core, call, std::move(call->body), "", 0, wait, AnswerStyle::kEndpoint);
}

void get_run(const CorePtr& core, const CallPtr& call) {
  answer_run(core, call, RunId(call->path_parameter("id")),
             wait_of(*core, *call, std::chrono::milliseconds{0}), AnswerStyle::kRun);
}

void answer_list(const CorePtr& core, const CallPtr& call, std::string_view workflow) {
  const std::string limit = call->query_parameter("limit").value_or("100");
  std::size_t count = 100;
  std::from_chars(limit.data(), limit.data() + limit.size(), count);
  const auto runs = core->services.journal.list(workflow, count);
  if (!runs) return call->fail(runs.error());
  Json list = Json::array();
  for (const execute::RunSummary& run : *runs) {
    list.push_back({{"id", run.id.str()},
                    {"workflow", run.workflow},
                    {"status", std::string(to_string(run.status))},
                    {"accepted_at", to_rfc3339(run.accepted_at)},
                    {"finished_at", run.finished_at ? Json(to_rfc3339(*run.finished_at)) : Json()},
                    {"links", run_links(*core, run.id, run.workflow, run.status)}});
  }
  call->respond_json(200, list);
}

void list_runs(const CorePtr& core, const CallPtr& call) { answer_list(core, call, ""); }

void list_workflow_runs(const CorePtr& core, const CallPtr& call) {
  const std::string& id = call->path_parameter("workflow");
  if (const auto registered = core->services.catalog.get(id); !registered) {
    return call->fail(registered.error());
  }
  answer_list(core, call, id);
}

void get_logs(const CorePtr& core, const CallPtr& call) {
  const RunId id(call->path_parameter("id"));
  const auto known = core->services.journal.summary(id);
  if (!known) return call->fail(known.error());
  if (!*known) {
    return call->fail(
        Error{ErrorCode::kNotFound,
              fmt::format("there is no run \"{}\"; GET /v1/runs lists them", shorten(id.str(), 80)),
              {}});
  }
  const auto logs = core->services.journal.logs(id);
  if (!logs) return call->fail(logs.error());
  Json list = Json::array();
  for (const auto& log : *logs) {
    list.push_back({{"node", log.node.str()},
                    {"attempt", log.attempt},
                    {"request_id", log.request_id},
                    {"text", log.text}});
  }
  call->respond_json(200, list);
}

void resume_run(const CorePtr& core, const CallPtr& call) {
  const RunId id(call->path_parameter("id"));
  execute::ResumeRequest request;
  if (const Json* from = json::find(call->body, "from")) {
    for (const Json& node : *from) request.from.emplace_back(node.get<std::string>());
  }
  if (const Json* input = json::find(call->body, "input")) request.input = *input;
  if (const auto resumed = core->services.orchestrator.resume(id, request); !resumed) {
    return call->fail(resumed.error());
  }
  answer_run(core, call, id, wait_of(*core, *call, std::chrono::milliseconds{0}),
             AnswerStyle::kStarted);
}

void cancel_run(const CorePtr& core, const CallPtr& call) {
  const RunId id(call->path_parameter("id"));
  if (const auto cancelled = core->services.orchestrator.cancel(id); !cancelled) {
    return call->fail(cancelled.error());
  }
  answer_run(core, call, id, std::chrono::milliseconds{0}, AnswerStyle::kRun);
}

}  // namespace

void stream_events(const CorePtr& core, const CallPtr& call);  // event_stream.cc

std::vector<Route> run_routes() {
  return {
      {.method = "POST",
       .path = "/v1/workflows/{workflow}/runs",
       .operation_id = "createRun",
       .tag = "Runs",
       .summary = "Run a workflow",
       .description = "Answers 202 as soon as the run is on disk, or with Prefer: wait=N (?wait=N) "
                      "200 with the whole run if it is over in time, whatever became of it.",
       .parameters = {wait_parameter(), prefer_parameter(), idempotency_parameter()},
       .body = BodyKind::kJson,
       .request_schema = schema_ref("RunRequest"),
       .request_example = literal(R"({"input": {"username": "Anna"}})"),
       .responses = {{200, "The run, which is over.", schema_ref("Run")},
                     {202, "Accepted; Location names the run.", schema_ref("AcceptedRun")}},
       .lane = Lane::kWorkers,
       .handler = create_run},
      {.method = "GET",
       .path = "/v1/workflows/{workflow}/runs",
       .operation_id = "listWorkflowRuns",
       .tag = "Runs",
       .summary = "Runs of a workflow, newest first",
       .description = "",
       .parameters = {limit_parameter(100)},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The runs.", list_of("RunSummary")}},
       .lane = Lane::kWorkers,
       .handler = list_workflow_runs},
      {.method = "GET",
       .path = "/v1/runs",
       .operation_id = "listRuns",
       .tag = "Runs",
       .summary = "Runs of all workflows, newest first",
       .description = "",
       .parameters = {limit_parameter(100)},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The runs.", list_of("RunSummary")}},
       .lane = Lane::kWorkers,
       .handler = list_runs},
      {.method = "GET",
       .path = "/v1/runs/{id}",
       .operation_id = "getRun",
       .tag = "Runs",
       .summary = "A run with its steps",
       .description = "200 also for a failed run: status, the failing step and its error, what "
                      "finished with which results, and how to resume.",
       .parameters = {wait_parameter(), prefer_parameter()},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The run.", schema_ref("Run")}},
       .lane = Lane::kWorkers,
       .handler = get_run},
      {.method = "GET",
       .path = "/v1/runs/{id}/events",
       .operation_id = "streamRunEvents",
       .tag = "Runs",
       .summary = "A run's events as they happen (server-sent events)",
       .description =
           "id: the event's sequence number; event: its kind (run_accepted, "
           "step_succeeded, …); data: {sequence, kind, node?, at, data}. A comment comes "
           "every 15 s. The stream ends after the event with which the run is over.",
       .parameters = {{"Last-Event-ID", "header", "Go on after this sequence number.",
                       literal(R"({"type": "integer", "minimum": 0})")},
                      {"after", "query", "The same, for clients that cannot set headers.",
                       literal(R"({"type": "integer", "minimum": 0})")}},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The events.", literal(R"({"type": "string"})"), "text/event-stream"}},
       .lane = Lane::kWorkers,
       .handler = stream_events},
      {.method = "GET",
       .path = "/v1/runs/{id}/logs",
       .operation_id = "getRunLogs",
       .tag = "Runs",
       .summary = "What the run's functions printed",
       .description = "",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "One entry an attempt, in order.", list_of("StepLog")}},
       .lane = Lane::kWorkers,
       .handler = get_logs},
      {.method = "POST",
       .path = "/v1/runs/{id}/resume",
       .operation_id = "resumeRun",
       .tag = "Runs",
       .summary = "Let a failed, cancelled or waiting run go on",
       .description = "What is recorded is kept; the steps in `from` and all that depend on them "
                      "run again.",
       .parameters = {wait_parameter(), prefer_parameter()},
       .body = BodyKind::kJson,
       .request_schema = schema_ref("ResumeRequest"),
       .request_example = Json::object(),
       .responses = {{200, "The run, which is over.", schema_ref("Run")},
                     {202, "It goes on.", schema_ref("AcceptedRun")}},
       .lane = Lane::kWorkers,
       .handler = resume_run},
      {.method = "POST",
       .path = "/v1/runs/{id}/cancel",
       .operation_id = "cancelRun",
       .tag = "Runs",
       .summary = "Cancel a run",
       .description = "",
       .parameters = {},
       .body = BodyKind::kJson,
       .request_schema = literal(R"({"type": "object", "additionalProperties": false})"),
       .request_example = Json::object(),
       .responses = {{200, "The run.", schema_ref("Run")}},
       .lane = Lane::kWorkers,
       .handler = cancel_run},
      {.method = "POST",
       .path = "/api/{workflow}",
       .operation_id = "callWorkflow",
       .tag = "Endpoints",
       .summary = "Call a registered workflow",
       .description = "The body is the workflow's inputs, the answer its outputs; Run-Id names the "
                      "run. A failed run answers 424, not 5xx: clients and proxies repeat 5xx by "
                      "themselves, and a repeated call may repeat side effects. A run that is "
                      "not over in time answers 202 and goes on.",
       .parameters = {wait_parameter(), prefer_parameter(), idempotency_parameter()},
       .body = BodyKind::kJson,
       .request_schema = literal(R"({"type": "object"})"),
       .request_example = {},
       .responses = {{200, "The workflow's outputs.", literal(R"({"type": "object"})")},
                     {202, "It still runs; Location names the run.", schema_ref("AcceptedRun")},
                     {424, "The run failed or was cancelled.", schema_ref("RunProblem"),
                      "application/problem+json"}},
       .lane = Lane::kWorkers,
       .handler = call_endpoint},
  };
}

}  // namespace ae::gateway
