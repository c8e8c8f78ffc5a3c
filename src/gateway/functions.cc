#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include "base/id.h"
#include "base/text.h"
#include "gateway/internal/body.h"
#include "gateway/internal/core.h"
#include "gateway/internal/schemas.h"
#include "json/schema.h"
#include "repository/package.h"

namespace ae::gateway {
namespace {

constexpr std::size_t kMaxPackages = 1000;  // of one POST; each is read and copied

Json links_of(const Core& core, std::string_view name) {
  const std::string self = core.url(function_path(name));
  return {{"self", self}, {"invocations", self + "/invocations"}};
}

Json summary_json(const Core& core, const dag::FunctionSpec& spec) {
  return {{"name", spec.name},
          {"version", spec.version},
          {"description", spec.description},
          {"input", spec.input},
          {"output", spec.output},
          {"effects", spec.effects},
          {"idempotent", spec.idempotent},
          {"links", links_of(core, spec.name)}};
}

// Without the code's folder and the environment's values: neither is a caller's business.
Json function_json(const Core& core, const dag::FunctionSpec& spec) {
  Json value = summary_json(core, spec);
  if (const auto* package = std::get_if<dag::LocalPackage>(&spec.binding)) {
    value["handler"] = package->handler;
    value["runtime"] = package->runtime;
  }
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

// All packages below `path`, or an answer that names every one that is broken: all or nothing.
std::optional<std::vector<repository::Package>> read_packages(Call& call,
                                                              const std::filesystem::path& path) {
  const auto folders = repository::find_packages(path);
  if (!folders) {
    call.fail(folders.error());
    return std::nullopt;
  }
  if (folders->empty() || folders->size() > kMaxPackages) {
    call.fail(422, "no_package", "No function there",
              folders->empty()
                  ? fmt::format("{} holds no Lambda folder; one has a function.yaml, a "
                                "lambda_function.py or an app.py",
                                path.string())
                  : fmt::format("{} holds {} functions; add at most {} at once", path.string(),
                                folders->size(), kMaxPackages));
    return std::nullopt;
  }
  std::vector<repository::Package> packages;
  std::vector<dag::Diagnostic> wrong;
  std::map<std::string, std::string> seen;
  const auto refuse = [&](std::string code, std::string message, std::string fix) {
    wrong.push_back({.code = std::move(code),
                     .severity = dag::Severity::kError,
                     .pointer = "/path",
                     .message = std::move(message),
                     .fix = std::move(fix),
                     .candidates = {}});
  };
  for (const std::filesystem::path& folder : *folders) {
    auto package = repository::read_package(folder);
    const std::string shown = folder.lexically_relative(path).string();
    if (!package) {
      refuse("invalid_package", fmt::format("{}: {}", shown, package.error().describe()),
             "mend the package, then send the request again");
      continue;
    }
    const auto [first, fresh] = seen.emplace(package->spec.name, shown);
    if (!fresh) {
      refuse("duplicate_function",
             fmt::format("{} and {} are both called {}", first->second, shown, first->first),
             "rename one of them in its function.yaml");
      continue;
    }
    packages.push_back(*std::move(package));
  }
  if (wrong.empty()) return packages;
  call.fail(422, "invalid_package", "A package cannot be used",
            "nothing was added. " + summarize(wrong), wrong);
  return std::nullopt;
}

std::string_view result_name(repository::Added::Kind kind) {
  switch (kind) {
    case repository::Added::Kind::kNew:
      return "new";
    case repository::Added::Kind::kNewVersion:
      return "new_version";
    case repository::Added::Kind::kUnchanged:
      return "unchanged";
  }
  std::unreachable();
}

void add_functions(const CorePtr& core, const CallPtr& call) {
  const std::filesystem::path path(json::string_or(call->body, "path"));
  if (!path.is_absolute()) {
    return call->fail(422, "invalid_body", "The path is relative",
                      fmt::format("/path: \"{}\" is relative, and the server's working folder is "
                                  "not yours; send an absolute path",
                                  shorten(path.string(), 200)));
  }
  const auto packages = read_packages(*call, path);
  if (!packages) return;
  Json list = Json::array();
  bool created = false;
  for (const repository::Package& package : *packages) {
    const auto added = core->services.repository.add(package);
    if (!added) return call->fail(added.error());
    created = created || added->kind != repository::Added::Kind::kUnchanged;
    list.push_back({{"name", added->spec.name},
                    {"version", added->spec.version},
                    {"result", std::string(result_name(added->kind))},
                    {"links", links_of(*core, added->spec.name)}});
  }
  call->respond_json(created ? 201 : 200, Json{{"functions", std::move(list)}});
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
  if (const auto wrong = check_input(spec->input, input, "/input"); !wrong.empty()) {
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
       .summary = "Add the Lambda folders below a path",
       .description = "All or none: a package that cannot be read refuses the request.",
       .parameters = {},
       .body = BodyKind::kJson,
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
