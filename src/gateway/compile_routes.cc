// Workflows for other platforms.
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "compile/compiler.h"
#include "dag/serialize.h"
#include "gateway/internal/core.h"
#include "gateway/internal/schemas.h"
#include "gateway/internal/workflow_json.h"

namespace ae::gateway {
namespace {

Json compiled_json(std::string_view target, const compile::Compiled& compiled) {
  Json files = Json::array();
  for (const compile::ArtifactFile& file : compiled.artifact.files) {
    files.push_back({{"path", file.path}, {"text", file.text}});
  }
  Json folders = Json::array();
  for (const compile::ArtifactFolder& folder : compiled.artifact.folders) {
    folders.push_back({{"path", folder.path},
                       {"function", folder.function},
                       {"version", folder.version},
                       {"layer", folder.layer}});
  }
  Json answer;
  answer["target"] = target;
  answer["files"] = std::move(files);
  answer["folders"] = std::move(folders);
  answer["explanations"] = compiled.artifact.explanations;
  answer["diagnostics"] = dag::to_json(std::span<const dag::Diagnostic>(compiled.diagnostics));
  return answer;
}

void answer(Call& call, const dag::LinkedWorkflow& linked, std::string_view target,
            const compile::TargetOptions& options) {
  const auto compiled = compile::compile(linked, target, options);
  if (!compiled) return call.fail(compiled.error());
  if (dag::has_errors(compiled->diagnostics)) {
    return call.fail(422, "unsupported", "The target cannot express the workflow",
                     "nothing was compiled; each finding says which step it is and what to do",
                     compiled->diagnostics);
  }
  call.respond_json(200, compiled_json(target, *compiled));
}

// "query-language=jsonpath,type=express"; the last of two with one name holds.
Result<compile::TargetOptions> parse_options(std::string_view text) {
  compile::TargetOptions options;
  if (text.empty()) return options;
  for (const std::string_view one : split(text, ',')) {
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "options are name=value, separated by commas: type=express");
    }
    options.insert_or_assign(std::string(one.substr(0, equals)),
                             std::string(one.substr(equals + 1)));
  }
  return options;
}

void list_targets(const CorePtr&, const CallPtr& call) {
  Json list = Json::array();
  for (const compile::CompilerTarget* target : compile::targets()) {
    Json options = Json::array();
    for (const compile::OptionInfo& option : target->options()) {
      options.push_back({{"name", option.name},
                         {"values", option.values},
                         {"default", option.fallback},
                         {"description", option.description}});
    }
    list.push_back({{"name", target->name()},
                    {"description", target->description()},
                    {"options", std::move(options)}});
  }
  call->respond_json(200, list);
}

void get_compiled(const CorePtr& core, const CallPtr& call) {
  const std::string version = call->query_parameter("version").value_or("0");
  int number = 0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  const auto options = parse_options(call->query_parameter("options").value_or(""));
  if (!options) return call->fail(options.error());
  const auto found = core->services.catalog.get(call->path_parameter("id"), number);
  if (!found) return call->fail(found.error());
  answer(*call, (*found)->linked, call->path_parameter("target"), *options);
}

void compile_document(const CorePtr& core, const CallPtr& call) {
  const auto refuse = [&](const std::vector<dag::Diagnostic>& diagnostics) {
    call->fail(422, "invalid_workflow", "The workflow could not be proven", "nothing was compiled",
               diagnostics);
  };
  const dag::ParsedWorkflow parsed = dag::parse_workflow(call->body["workflow"]);
  if (dag::has_errors(parsed.diagnostics)) return refuse(parsed.diagnostics);
  auto verdict = verify_workflow(*core, parsed.workflow);
  if (!verdict) return call->fail(verdict.error());
  // It is to run elsewhere.
  std::erase_if(verdict->diagnostics,
                [](const dag::Diagnostic& found) { return found.code == "unsupported_runtime"; });
  if (dag::has_errors(verdict->diagnostics)) return refuse(verdict->diagnostics);
  compile::TargetOptions options;
  if (const Json* given = json::find(call->body, "options")) {
    for (const auto& option : given->items()) {
      options.emplace(option.key(), option.value().get<std::string>());
    }
  }
  answer(*call, verdict->linked, json::string_or(call->body, "target"), options);
}

Json compiled_schema() {
  return literal(R"({
    "type": "object",
    "required": ["target", "files", "folders", "explanations", "diagnostics"],
    "properties": {
      "target": {"type": "string"},
      "files": {"type": "array", "description": "The main one first.", "items": {
        "type": "object", "required": ["path", "text"],
        "properties": {"path": {"type": "string"}, "text": {"type": "string"}}}},
      "folders": {"type": "array", "description": "Where the files expect copies of functions' code.",
        "items": {"type": "object", "required": ["path", "function", "version", "layer"],
          "properties": {"path": {"type": "string"}, "function": {"type": "string"},
            "version": {"type": "string"},
            "layer": {"type": "integer", "description": "0: the code; 1, 2, …: its layers."}}}},
      "explanations": {"type": "array", "items": {"type": "string"}},
      "diagnostics": {"type": "array", "items": {"$ref": "#/components/schemas/Diagnostic"}}
    }})");
}

Json target_schema() {
  return literal(R"({"type": "array", "items": {
    "type": "object",
    "required": ["name", "description", "options"],
    "properties": {
      "name": {"type": "string"},
      "description": {"type": "string"},
      "options": {"type": "array", "items": {
        "type": "object", "required": ["name", "values", "default", "description"],
        "properties": {"name": {"type": "string"}, "values": {"type": "string"},
          "default": {"type": "string"}, "description": {"type": "string"}}}}
    }}})");
}

}  // namespace

std::vector<Route> compile_routes() {
  return {
      {.method = "GET",
       .path = "/v1/targets",
       .operation_id = "listTargets",
       .tag = "Compilers",
       .summary = "Platforms that workflows can be compiled for",
       .description = "",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The targets and their options.", target_schema()}},
       .lane = Lane::kInline,
       .handler = list_targets},
      {.method = "GET",
       .path = "/v1/workflows/{id}/compiled/{target}",
       .operation_id = "getCompiledWorkflow",
       .tag = "Compilers",
       .summary = "A registered workflow, compiled for a platform",
       .description = "Made anew for each call; what the target cannot express is a 422 that names "
                      "the step.",
       .parameters = {{"version", "query", "The newest without it.",
                       literal(R"({"type": "integer", "minimum": 1, "maximum": 2147483647})")},
                      {"options", "query", "name=value, separated by commas: type=express",
                       literal(R"({"type": "string", "maxLength": 2000})")}},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The files.", compiled_schema()}},
       .lane = Lane::kPlanner,
       .handler = get_compiled},
      {.method = "POST",
       .path = "/v1/workflows/compile",
       .operation_id = "compileWorkflow",
       .tag = "Compilers",
       .summary = "Compile a workflow without registering it",
       .description = "It is verified against the repository first.",
       .parameters = {},
       .body = BodyKind::kJson,
       .request_schema = literal(R"({
         "type": "object",
         "required": ["workflow", "target"],
         "additionalProperties": false,
         "properties": {
           "workflow": {"$ref": "#/components/schemas/Workflow"},
           "target": {"type": "string", "maxLength": 60},
           "options": {"type": "object", "additionalProperties": {"type": "string"}}
         }})"),
       .request_example = {},
       .responses = {{200, "The files.", compiled_schema()}},
       .lane = Lane::kPlanner,
       .handler = compile_document},
  };
}

}  // namespace ae::gateway
