#include "gateway/internal/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <utility>

#include "base/id.h"
#include "base/text.h"
#include "gateway/internal/body.h"
#include "gateway/internal/core.h"
#include "gateway/internal/schemas.h"
#include "json/schema.h"

namespace ae::gateway {

Json function_links(const Core& core, std::string_view name) {
  const std::string self = core.url(function_path(name));
  return {{"self", self}, {"invocations", self + "/invocations"}};
}

std::string schemas_name(const dag::FunctionSpec& spec) {
  return spec.schemas == dag::SchemaSource::kInferred ? "inferred" : "declared";
}

namespace {

Json summary_json(const Core& core, const dag::FunctionSpec& spec) {
  return {{"name", spec.name},
          {"version", spec.version},
          {"description", spec.description},
          {"input", spec.input},
          {"output", spec.output},
          {"schemas", schemas_name(spec)},
          {"effects", spec.effects},
          {"idempotent", spec.idempotent},
          {"links", function_links(core, spec.name)}};
}

// Without the code's folder and the environment's values: neither is a caller's business.
Json function_json(const Core& core, const dag::FunctionSpec& spec) {
  Json value = summary_json(core, spec);
  if (const auto* package = std::get_if<dag::LocalPackage>(&spec.binding)) {
    value["handler"] = package->handler;
    value["runtime"] = package->runtime;
    value["layers"] = package->layers.size();
  } else if (const auto* service = std::get_if<dag::HttpService>(&spec.binding)) {
    value["binding"] = {{"http", {{"url", service->url}}}};
  } else if (const auto* remote = std::get_if<dag::LambdaFunction>(&spec.binding)) {
    value["binding"] = {{"lambda", {{"arn", remote->arn}}}};
  }
  value["event"] = spec.runtime.event == dag::EventFormat::kApiGateway ? "api-gateway" : "plain";
  value["egress"] = spec.runtime.egress;
  value["secrets"] = spec.runtime.secrets;
  value["state"] = spec.runtime.state;
  value["s3"] = spec.runtime.s3;
  value["errors"] = spec.errors;
  value["timeout_seconds"] = static_cast<double>(spec.runtime.timeout.count()) / 1000.0;
  value["memory_mb"] = spec.runtime.memory_mb;
  Json names = Json::array();
  for (const auto& [name, setting] : spec.runtime.environment) names.push_back(name);
  value["environment"] = std::move(names);
  Json examples = Json::array();
  for (const dag::FunctionExample& example : spec.examples) {
    Json one = {{"input", example.input}};
    if (example.error.empty()) {
      one["output"] = example.output;
    } else {
      one["error"] = example.error;
    }
    examples.push_back(std::move(one));
  }
  value["examples"] = std::move(examples);
  return value;
}

void list_functions(const CorePtr& core, const CallPtr& call) {
  const std::string text = call->query_parameter("limit").value_or("1000");
  std::size_t limit = 1000;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  const auto snapshot = core->services.repository.snapshot();
  Json list = Json::array();
  if (const auto search = call->query_parameter("search")) {
    const auto hits = core->services.repository.search(*search, limit);
    if (!hits) return call->fail(hits.error());
    for (const repository::SearchHit& hit : *hits) {
      const auto spec = std::ranges::find(snapshot->functions, hit.name, &dag::FunctionSpec::name);
      if (spec == snapshot->functions.end()) continue;  // added this very moment
      Json entry = summary_json(*core, *spec);
      entry["score"] = hit.score;
      list.push_back(std::move(entry));
    }
  } else {
    for (const dag::FunctionSpec& spec : snapshot->functions) {
      if (list.size() == limit) break;
      list.push_back(summary_json(*core, spec));
    }
  }
  call->respond_json(200, list);
}

void get_function(const CorePtr& core, const CallPtr& call) {
  const auto spec = core->services.repository.get(call->path_parameter("name"),
                                                  call->query_parameter("version").value_or(""));
  if (!spec) return call->fail(spec.error());
  call->respond_json(200, function_json(*core, *spec));
}

// One direct call of a function. Whoever takes the call answers it: the function's end, the
// caller's departure, or the server's stop.
class DirectCall final : public Pending, public std::enable_shared_from_this<DirectCall> {
 public:
  DirectCall(CorePtr core, CallPtr call, std::shared_ptr<const dag::FunctionSpec> function)
      : core_(std::move(core)), call_(std::move(call)), function_(std::move(function)) {}

  void start(Json input) {
    const auto self = shared_from_this();
    pending_ = core_->add(self);
    {
      const std::lock_guard lock(mutex_);
      if (call_ == nullptr) return;  // the server stops
      call_->exchange().on_disconnect([weak = weak_from_this()] {
        if (const auto direct = weak.lock()) direct->disconnected();
      });
    }
    core_->services.faas.invoke(
        {.request_id = request_id_,
         .run_id = "",
         .node_id = "",
         .attempt = 1,
         .idempotency_key = request_id_,
         .function = function_,
         .input = std::move(input),
         .deadline = Deadline::never()},
        [self](execute::InvocationResult result) { self->finished(std::move(result)); });
  }

  void abandon() override {
    const CallPtr call = claim();
    if (call == nullptr) return;
    call->fail(Error{ErrorCode::kUnavailable,
                     "the server stops, and the function with it; call it again later",
                     {}});
  }

 private:
  void disconnected() {
    const CallPtr call = claim();
    if (call == nullptr) return;
    call->fail(Error{ErrorCode::kCancelled, "the caller left before the function ended", {}});
    const bool posted = core_->post(Lane::kWorkers, [self = shared_from_this()] {
      self->core_->services.faas.cancel(self->request_id_);
    });
    static_cast<void>(posted);  // else the function runs to its own time-out
  }

  void finished(execute::InvocationResult result) {
    const CallPtr call = claim();
    if (call == nullptr) return;
    if (result.fault) return call->fail(*result.fault);
    if (!result.error) check_output(result);
    Json answer = {{"request_id", request_id_},
                   {"function", function_->name},
                   {"version", function_->version},
                   {"status", result.error ? "failed" : "succeeded"},
                   {"output", result.error ? Json() : std::move(result.output)}};
    if (result.error) {
      answer["error"] = {{"type", result.error->type}, {"message", result.error->message}};
    }
    answer["log"] = std::move(result.log);
    answer["duration_ms"] = result.duration.count();
    answer["cold_start"] = result.cold_start;
    call->respond_json(200, answer);
  }

  void check_output(execute::InvocationResult& result) const {
    // A guess must not turn down what the function itself is content with.
    if (function_->schemas == dag::SchemaSource::kInferred) return;
    const auto violations = json::validate(function_->output, result.output);
    if (violations.empty()) return;
    std::string text = "the result does not fit the function's output schema: ";
    for (std::size_t i = 0; i < violations.size() && i < 3; ++i) {
      text += fmt::format("{}{}{}{}", i == 0 ? "" : "; ", violations[i].pointer,
                          violations[i].pointer.empty() ? "" : ": ", violations[i].message);
    }
    result.error = execute::FunctionError{"OutputSchemaViolation", std::move(text), Json::array()};
  }

  CallPtr claim() {
    CallPtr call;
    {
      const std::lock_guard lock(mutex_);
      call = std::exchange(call_, nullptr);
    }
    if (call != nullptr) core_->remove(pending_);
    return call;
  }

  const CorePtr core_;
  std::mutex mutex_;
  CallPtr call_;
  const std::shared_ptr<const dag::FunctionSpec> function_;
  const std::string request_id_ = new_id("call");
  std::atomic<std::uint64_t> pending_{0};
};

void invoke_function(const CorePtr& core, const CallPtr& call) {
  auto spec = core->services.repository.get(call->path_parameter("name"),
                                            json::string_or(call->body, "version"));
  if (!spec) return call->fail(spec.error());
  const Json* given = json::find(call->body, "input");
  Json input = given == nullptr ? Json::object() : *given;
  const bool guessed = spec->schemas == dag::SchemaSource::kInferred;
  if (const auto wrong = check_input(spec->input, input, "/input"); !wrong.empty() && !guessed) {
    return call->fail(422, "invalid_input", "The input does not fit the function",
                      fmt::format("{}. See GET {}", summarize(wrong), function_path(spec->name)),
                      wrong);
  }
  auto function = std::make_shared<const dag::FunctionSpec>(*std::move(spec));
  std::make_shared<DirectCall>(core, call, std::move(function))->start(std::move(input));
}

}  // namespace

std::vector<Route> function_routes() {
  return {
      {.method = "GET",
       .path = "/v1/functions",
       .operation_id = "listFunctions",
       .tag = "Functions",
       .summary = "Functions that plans can use",
       .description = "By name; with ?search= the best first.",
       .parameters = {{"search", "query", "Words to look for.",
                       literal(R"({"type": "string", "maxLength": 1000})")},
                      limit_parameter(1000)},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The functions.", list_of("FunctionSummary")}},
       .lane = Lane::kWorkers,
       .handler = list_functions},
      {.method = "POST",
       .path = "/v1/functions",
       .operation_id = "addFunctions",
       .tag = "Functions",
       .summary = "Add Lambda packages: a path, or a zip as the body",
       .description =
           "A path names a folder of a function or of several, a zip, or a SAM template; a body "
           "is one zip, or a form with several. All or none: a package that cannot be read "
           "refuses the request.",
       .parameters = {{"name", "query",
                       "Name of the one function of an uploaded zip that says none.",
                       literal(R"({"type": "string", "maxLength": 63})")}},
       .body = BodyKind::kUpload,
       .request_schema = schema_ref("AddFunctionsRequest"),
       .request_example = literal(R"({"path": "/home/me/functions"})"),
       .responses = {{200, "Nothing was new.", schema_ref("AddedFunctions")},
                     {201, "Added.", schema_ref("AddedFunctions")}},
       .lane = Lane::kPlanner,
       .handler = add_functions},
      {.method = "GET",
       .path = "/v1/functions/{name}",
       .operation_id = "getFunction",
       .tag = "Functions",
       .summary = "A function",
       .description = "",
       .parameters = {{"version", "query", "The current one without it.",
                       literal(R"({"type": "string", "maxLength": 128})")}},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The function.", schema_ref("Function")}},
       .lane = Lane::kWorkers,
       .handler = get_function},
      {.method = "DELETE",
       .path = "/v1/functions/{name}",
       .operation_id = "removeFunction",
       .tag = "Functions",
       .summary = "Take a function out of plans and lists",
       .description =
           "Registered workflows keep running the versions that they pin; their code stays as "
           "long. Versions that nothing needs are deleted.",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "Removed.", schema_ref("RemovedFunction")}},
       .lane = Lane::kPlanner,
       .handler = remove_function},
      {.method = "GET",
       .path = "/v1/functions/{name}/inference",
       .operation_id = "getInference",
       .tag = "Functions",
       .summary = "Schemas as they can be guessed today",
       .description =
           "From the code and from what recorded runs took and gave: types and names, never "
           "values. `sidecar` is a function.yaml to start from.",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The guess.", schema_ref("Inference")}},
       .lane = Lane::kPlanner,
       .handler = get_inference},
      {.method = "POST",
       .path = "/v1/functions/{name}/inference",
       .operation_id = "acceptInference",
       .tag = "Functions",
       .summary = "Let the guess of today replace an earlier one",
       .description =
           "For functions without declared schemas. They stay marked as inferred; workflows that "
           "pin the version keep the schemas that they were verified with.",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "Accepted.", schema_ref("Inference")}},
       .lane = Lane::kPlanner,
       .handler = accept_inference},
      {.method = "POST",
       .path = "/v1/functions/{name}/invocations",
       .operation_id = "invokeFunction",
       .tag = "Functions",
       .summary = "Call one function, without a workflow",
       .description =
           "Input and output are checked against the function's schemas. A function that "
           "fails is an answer (200, status failed); one that could not be run is a "
           "problem. Nothing is recorded or tried again.",
       .parameters = {},
       .body = BodyKind::kJson,
       .request_schema = schema_ref("InvokeRequest"),
       .request_example = literal(R"({"input": {"username": "Anna"}})"),
       .responses = {{200, "What became of the call.", schema_ref("InvocationResult")}},
       .lane = Lane::kWorkers,
       .handler = invoke_function},
  };
}

}  // namespace ae::gateway
