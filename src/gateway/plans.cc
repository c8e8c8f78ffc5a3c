#include <fmt/format.h>

#include <memory>
#include <stop_token>
#include <utility>
#include <vector>

#include "gateway/internal/core.h"
#include "gateway/internal/planning.h"
#include "gateway/internal/schemas.h"
#include "gateway/internal/workflow_json.h"
#include "generate/embedded/embedded_engine.h"

namespace ae::gateway {

namespace {

std::vector<plan::Attachment> attachments_of(const Json& body) {
  std::vector<plan::Attachment> files;
  const Json* list = json::find(body, "attachments");
  if (list == nullptr || !list->is_array()) return files;
  for (const Json& one : *list) {
    plan::Attachment file;
    file.bucket = json::string_or(one, "bucket");
    file.key = json::string_or(one, "key");
    file.filename = json::string_or(one, "name", file.key.substr(file.key.find_last_of('/') + 1));
    file.content_type = json::string_or(one, "content_type");
    if (const Json* size = json::find(one, "size"); size != nullptr && size->is_number_integer()) {
      file.size = size->get<std::int64_t>();
    }
    file.url = json::string_or(one, "s3_url", fmt::format("s3://{}/{}", file.bucket, file.key));
    file.presigned_url = json::string_or(one, "url");
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

Result<generate::Generation> plan(const CorePtr& core, const CallPtr& call) {
  // One source for both who may withdraw: the caller, and the server that stops.
  const auto source = std::make_shared<std::stop_source>();
  call->exchange().on_disconnect([source] { source->request_stop(); });
  const std::stop_callback stop_with_server(core->stop_token(),
                                            [source] { source->request_stop(); });
  const CallContext context{.deadline = Deadline::after(core->options.planning_deadline),
                            .stop = source->get_token(),
                            .trace_id = call->id()};
  return generate::generate_embedded(json::string_or(call->body, "query"),
                                     core->services.repository, context,
                                     attachments_of(call->body));
}

Json plan_json(const Core& core, const generate::Generation& generation) {
  Json value = generate::to_json(generation);
  value["effects"] =
      generation.can_be_registered() ? effects_json(generation.linked, {}) : Json::array();
  value["links"] = {{"register", core.url("/v1/workflows")},
                    {"lint", core.url("/v1/workflows/lint")},
                    {"docs", core.url("/openapi.json")}};
  return value;
}

namespace {

void create_plan(const CorePtr& core, const CallPtr& call) {
  const auto generation = plan(core, call);
  if (!generation) return call->fail(generation.error());
  call->respond_json(200, plan_json(*core, *generation));
}

}  // namespace

std::vector<Route> plan_routes() {
  return {
      {.method = "POST",
       .path = "/v1/plans",
       .operation_id = "createPlan",
       .tag = "Plans",
       .summary = "Plan: a sentence becomes a verified workflow",
       .description = "Nothing is stored. A value that is missing (needs_input) or a function that "
                      "is missing (missing_functions) is an answer, not an error.",
       .parameters = {},
       .body = BodyKind::kDocument,
       .request_schema = schema_ref("PlanRequest"),
       .request_example = literal(
           R"({"query": "It will be perfect if you play music that matches my mood. This is Anna."})"),
       .responses = {{200, "The plan; see its status.", schema_ref("Plan")}},
       .lane = Lane::kPlanner,
       .handler = create_plan},
  };
}

}  // namespace ae::gateway
