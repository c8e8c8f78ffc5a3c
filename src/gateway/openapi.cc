#include "gateway/internal/openapi.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <set>
#include <string>
#include <utility>

#include "base/text.h"
#include "gateway/internal/schemas.h"
#include "gateway/internal/workflow_json.h"

namespace ae::gateway {
namespace {

constexpr std::string_view kDescription =
    "A sentence becomes a verified workflow over your functions, registered at an endpoint and run "
    "on this machine. Errors are application/problem+json (RFC 9457). Requests are checked "
    "strictly: "
    "an unknown member or parameter is an error that names it. Only programs on this machine are "
    "served: Host and Origin are checked.";

Json content(std::string_view media_type, const Json& schema, const Json& example = {}) {
  Json media = {{"schema", schema}};
  if (!example.is_null()) media["example"] = example;
  Json value = Json::object();
  value[media_type] = std::move(media);
  return value;
}

Json parameter_json(const Parameter& parameter) {
  Json value = {{"name", parameter.name}, {"in", parameter.in}};
  if (parameter.in == "path") value["required"] = true;
  value["description"] = parameter.description;
  value["schema"] = parameter.schema;
  return value;
}

void add_path_parameters(std::string_view path, Json& parameters) {
  for (const std::string_view segment : split(path, '/')) {
    if (!segment.starts_with('{')) continue;
    const std::string name(segment.substr(1, segment.size() - 2));
    parameters.push_back(
        parameter_json({name, "path",
                        name == "id" && path.starts_with("/v1/runs") ? "Id of the run."
                        : name == "name"                             ? "Name of the function."
                        : name == "key"                              ? "Key of the file."
                                                                     : "Id of the workflow.",
                        Json{{"type", "string"}}}));
  }
}

// Problems that any operation may answer with; the others come from its own list.
void add_problems(Json& responses, const Route& route) {
  const auto add = [&](std::string_view status, std::string_view description) {
    if (responses.contains(status)) return;
    responses[status] = {{"description", description},
                         {"content", content("application/problem+json", schema_ref("Problem"))}};
  };
  add("400", "Malformed, or a query parameter that does not exist.");
  add("403", "The Host or Origin is not allowed.");
  if (route.path.find('{') != std::string::npos)
    add("404", "No such thing; `detail` names the nearest.");
  if (route.body != BodyKind::kNone) {
    add("413", "Too large.");
    add("415", "Not a media type that is understood.");
    add("422", "Well-formed, but wrong; `errors` says where.");
  }
  if (route.method != "GET") add("409", "Not possible in this state.");
  if (route.lane != Lane::kInline) add("503", "Overloaded or stopping; see Retry-After.");
  add("default", "Any other problem.");
}

std::string_view reason(const ResponseSpec& response) {
  return response.description.empty() ? "As asked for." : std::string_view(response.description);
}

Json responses_json(const Route& route) {
  Json responses = Json::object();
  for (const ResponseSpec& response : route.responses) {
    const std::string status = std::to_string(response.status);
    if (!responses.contains(status)) responses[status] = {{"description", reason(response)}};
    if (response.schema.is_null()) continue;
    Json& entry = responses[status];
    if (!entry.contains("content")) entry["content"] = Json::object();
    entry["content"].update(content(response.media_type, response.schema));
    if (response.status == 202 || response.status == 201) {
      entry["headers"]["Location"] = {{"schema", {{"type", "string"}}}};
    }
  }
  add_problems(responses, route);
  return responses;
}

// Without a body the request is read as {}; does that satisfy the schema?
bool requires_body(const Json& schema) {
  const std::string target = json::string_or(schema, "$ref");
  const Json* resolved =
      target.empty() ? &schema : json::at_pointer(component_document(), target.substr(1));
  return resolved != nullptr && (resolved->contains("required") || resolved->contains("anyOf"));
}

Json operation(const Route& route) {
  Json value = {{"operationId", route.operation_id},
                {"tags", Json::array({route.tag})},
                {"summary", route.summary}};
  if (!route.description.empty()) value["description"] = route.description;
  Json parameters = Json::array();
  add_path_parameters(route.path, parameters);
  for (const Parameter& parameter : route.parameters)
    parameters.push_back(parameter_json(parameter));
  if (!parameters.empty()) value["parameters"] = std::move(parameters);
  if (route.body == BodyKind::kStream) {
    const Json bytes = {{"type", "string"}, {"format", "binary"}};
    const Json form = {{"type", "object"}, {"additionalProperties", bytes}};
    Json body = {{"required", true}, {"content", content("multipart/form-data", form)}};
    body["content"].update(content("*/*", bytes));
    value["requestBody"] = std::move(body);
  } else if (route.body != BodyKind::kNone) {
    Json body = Json::object();
    body["required"] = requires_body(route.request_schema);
    body["content"] = content("application/json", route.request_schema, route.request_example);
    if (route.body == BodyKind::kDocument) {
      body["content"].update(content("application/yaml", route.request_schema));
    }
    if (route.body == BodyKind::kUpload) {
      const Json bytes{{"type", "string"}, {"format", "binary"}};
      body["content"].update(content("application/zip", bytes));
      Json form{{"type", "object"}};
      form["properties"]["files"] = {{"type", "array"}, {"items", bytes}};
      body["content"].update(content("multipart/form-data", form));
    }
    value["requestBody"] = std::move(body);
  }
  value["responses"] = responses_json(route);
  return value;
}

std::string lower_method(std::string_view method) { return to_lower(method); }

// Component names allow letters, digits, '.', '-' and '_' only.
std::string component_name(std::string_view id, std::string_view what) {
  std::string name;
  for (const char c : id) {
    const bool fine = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    name += fine ? std::string(1, c) : fmt::format(".{:02x}", static_cast<unsigned char>(c));
  }
  return fmt::format("workflow.{}.{}", name, what);
}

const Route& endpoint_route() {
  for (const Route& route : routes()) {
    if (route.operation_id == "callWorkflow") return route;
  }
  std::unreachable();
}

// POST /api/<id> with the workflow's own schemas.
Json endpoint_operation(const catalog::RegisteredWorkflow& workflow, Json& schemas) {
  const dag::Workflow& definition = workflow.linked.workflow;
  const std::string inputs = component_name(workflow.id, "inputs");
  const std::string outputs = component_name(workflow.id, "outputs");
  schemas[inputs] = rebased(definition.inputs, "#/components/schemas/" + inputs);
  schemas[outputs] = outputs_schema(workflow.linked);
  Json value = operation(endpoint_route());
  value["operationId"] = "call_" + component_name(workflow.id, "endpoint");
  value["summary"] =
      shorten(definition.description.empty() ? workflow.id : definition.description, 120);
  if (!workflow.query.empty()) {
    value["description"] = fmt::format("From the query: {}", shorten(workflow.query, 2000));
  }
  Json parameters = Json::array();
  for (const Json& parameter : value["parameters"]) {
    if (parameter["in"] != "path") parameters.push_back(parameter);
  }
  value["parameters"] = std::move(parameters);
  const Json open = open_inputs(definition.inputs, Json::object());
  value["requestBody"] = {
      {"required", !open.is_null()},
      {"content", content("application/json", schema_ref(inputs),
                          example_input(definition.inputs, workflow.first_inputs))}};
  value["responses"]["200"]["content"] = content("application/json", schema_ref(outputs));
  return value;
}

}  // namespace

std::string_view product_version() { return AE_VERSION; }

Result<Json> openapi_document(const Core& core) {
  Json document;
  document["openapi"] = "3.1.0";
  document["info"] = {{"title", "Action Engine"},
                      {"version", std::string(product_version())},
                      {"description", std::string(kDescription)},
                      {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
  document["servers"] = Json::array({Json{{"url", core.options.public_url}}});
  document["security"] = Json::array();  // loopback only
  Json tags = Json::array();
  std::set<std::string> seen;
  Json paths = Json::object();
  for (const Route& route : routes()) {
    if (seen.insert(route.tag).second) tags.push_back({{"name", route.tag}});
    paths[route.path][lower_method(route.method)] = operation(route);
  }
  document["tags"] = std::move(tags);
  Json schemas = component_document()["components"]["schemas"];
  AE_TRY(const auto workflows, core.services.catalog.list());
  for (const catalog::Catalog::Summary& summary : workflows) {
    const auto workflow = core.services.catalog.get(summary.id);
    if (!workflow) continue;  // deleted this very moment
    paths[endpoint_path(summary.id)]["post"] = endpoint_operation(**workflow, schemas);
  }
  document["paths"] = std::move(paths);
  document["components"] = {{"schemas", std::move(schemas)}};
  return document;
}

}  // namespace ae::gateway
