// Health, the index, and openapi.json.
#include <utility>

#include "gateway/internal/core.h"
#include "gateway/internal/openapi.h"
#include "gateway/internal/schemas.h"

namespace ae::gateway {
namespace {

void healthz(const CorePtr&, const CallPtr& call) {
  call->respond_json(200, Json{{"status", "ok"}});
}

void readyz(const CorePtr& core, const CallPtr& call) {
  const auto workflows = core->services.catalog.list();
  if (!workflows) {
    return call->fail(Error{ErrorCode::kUnavailable,
                            "the catalog cannot be read: " + workflows.error().describe(),
                            {}});
  }
  const auto stats = core->services.faas.stats();
  Json answer = {{"status", "ready"}};
  answer["workflows"] = workflows->size();
  answer["functions"] = core->services.repository.snapshot()->functions.size();
  answer["workers"] = {{"running", stats.workers}, {"busy", stats.busy}, {"queued", stats.queued}};
  call->respond_json(200, answer);
}

void system(const CorePtr& core, const CallPtr& call) {
  Json protections = Json::array();
  for (const faas::Protection& one : core->services.faas.protections()) {
    Json entry = {{"name", one.name}, {"active", one.active}, {"how", one.how}};
    if (!one.fix.empty()) entry["fix"] = one.fix;
    protections.push_back(std::move(entry));
  }
  call->respond_json(200, Json{{"version", std::string(product_version())},
                               {"protections", std::move(protections)}});
}

void index(const CorePtr& core, const CallPtr& call) {
  Json links = {{"docs", core->url("/openapi.json")},      {"plans", core->url("/v1/plans")},
                {"workflows", core->url("/v1/workflows")}, {"runs", core->url("/v1/runs")},
                {"functions", core->url("/v1/functions")}, {"health", core->url("/healthz")}};
  call->respond_json(200, Json{{"name", "Action Engine"},
                               {"version", std::string(product_version())},
                               {"links", std::move(links)}});
}

void openapi_json(const CorePtr& core, const CallPtr& call) {
  const auto document = openapi_document(*core);
  if (!document) return call->fail(document.error());
  call->respond({200, {{"Content-Type", "application/json"}}, json::dump_pretty(*document)});
}

}  // namespace

std::vector<Route> system_routes() {
  return {
      {.method = "GET",
       .path = "/",
       .operation_id = "getIndex",
       .tag = "System",
       .summary = "Where to go from here",
       .description = "",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "Links.", schema_ref("Index")}},
       .lane = Lane::kInline,
       .handler = index},
      {.method = "GET",
       .path = "/healthz",
       .operation_id = "getHealth",
       .tag = "System",
       .summary = "Whether the process answers",
       .description = "",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "It does.", schema_ref("Health")}},
       .lane = Lane::kInline,
       .handler = healthz},
      {.method = "GET",
       .path = "/readyz",
       .operation_id = "getReadiness",
       .tag = "System",
       .summary = "Whether work can be taken",
       .description = "503 when it cannot.",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "It can.", schema_ref("Health")}},
       .lane = Lane::kWorkers,
       .handler = readyz},
      {.method = "GET",
       .path = "/v1/system",
       .operation_id = "getSystem",
       .tag = "System",
       .summary = "What this installation is and what holds here",
       .description = "Which protections stand between functions and this machine, by what, and "
                      "what would make those active that are not.",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The system.", schema_ref("System")}},
       .lane = Lane::kInline,
       .handler = system},
      {.method = "GET",
       .path = "/openapi.json",
       .operation_id = "getOpenApi",
       .tag = "System",
       .summary = "This description",
       .description =
           "Every registered workflow is an operation of its own, with the schemas of its "
           "inputs and outputs.",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "OpenAPI 3.1.", literal(R"({"type": "object"})")}},
       .lane = Lane::kWorkers,
       .handler = openapi_json},
  };
}

const std::vector<Route>& routes() {
  static const std::vector<Route> table = [] {
    std::vector<Route> all;
    for (auto* part : {system_routes, plan_routes, workflow_routes, run_routes, function_routes,
                       file_routes, compile_routes}) {
      for (Route& route : part()) all.push_back(std::move(route));
    }
    return all;
  }();
  return table;
}

}  // namespace ae::gateway
