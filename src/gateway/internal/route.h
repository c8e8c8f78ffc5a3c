// The route table: the one place that says which requests exist. The router, 405 and 404 answers,
// the checks of bodies and parameters, and openapi.json are all made from it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/internal/call.h"
#include "json/json.h"

namespace ae::gateway {

class Core;
using CorePtr = std::shared_ptr<Core>;

// Where a handler runs. Event loops must not wait, so only what touches neither disk nor a lock
// held during disk writes runs there.
enum class Lane {
  kInline,   // on the event loop
  kWorkers,  // short reads of SQLite
  kPlanner,  // planning and verifying: a pool of its own, so that plans cannot starve runs
};

enum class BodyKind {
  kNone,      // a body is ignored
  kJson,      // application/json
  kDocument,  // application/json, application/yaml, text/yaml
  kUpload,    // application/json, or packages: application/zip, multipart/form-data
  kStream,    // any; the handler reads it as it comes
};

struct Parameter {
  std::string name;
  std::string in;  // "query", "header", "path"
  std::string description;
  Json schema;
};

struct ResponseSpec {
  int status = 200;
  std::string description;
  Json schema;  // null: no body
  std::string media_type = "application/json";
};

using Handler = void (*)(const CorePtr& core, const CallPtr& call);

struct Route {
  std::string method;
  std::string path;          // template: "/v1/runs/{id}"
  std::string operation_id;  // "getRun"
  std::string tag;
  std::string summary;
  std::string description;
  std::vector<Parameter> parameters;  // path parameters are added from the template
  BodyKind body = BodyKind::kNone;
  Json request_schema;  // null without a body
  Json request_example;
  std::vector<ResponseSpec> responses;  // problems are added: every operation has them
  Lane lane = Lane::kWorkers;
  Handler handler = nullptr;
};

// Each file of handlers lists its own routes.
std::vector<Route> system_routes();
std::vector<Route> plan_routes();
std::vector<Route> workflow_routes();
std::vector<Route> run_routes();
std::vector<Route> function_routes();
std::vector<Route> file_routes();
std::vector<Route> compile_routes();

// All of them, in the order in which openapi.json shows them.
const std::vector<Route>& routes();

}  // namespace ae::gateway
