#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "dag/draw.h"
#include "dag/serialize.h"
#include "gateway/internal/body.h"
#include "gateway/internal/core.h"
#include "gateway/internal/planning.h"
#include "gateway/internal/schemas.h"
#include "gateway/internal/workflow_json.h"
#include "json/yaml.h"

namespace ae::gateway {
namespace {

// What a request wants registered, verified.
struct Candidate {
  catalog::NewWorkflow workflow;
  std::vector<dag::Diagnostic> warnings;
  catalog::OnConflict on_conflict = catalog::OnConflict::kNewVersion;
};

// The functions with effects that are not approved; `approved` gets the keys of those that are.
// Refused when the list names something that the workflow does not call.
std::optional<Refusal> read_approvals(const dag::LinkedWorkflow& linked, const Json* wish,
                                      std::vector<std::string>& approved) {
  if (wish == nullptr || (wish->is_boolean() && !wish->get<bool>())) return std::nullopt;
  std::vector<std::string> known;
  for (const auto& [key, spec] : linked.functions) {
    if (spec.effects.empty()) continue;
    known.push_back(spec.name);
    known.push_back(key);
    if (wish->is_boolean()) approved.push_back(key);
  }
  if (wish->is_boolean()) return std::nullopt;
  for (std::size_t i = 0; i < wish->size(); ++i) {
    const std::string name = (*wish)[i].get<std::string>();
    bool found = false;
    for (const auto& [key, spec] : linked.functions) {
      if (spec.effects.empty() || (name != spec.name && name != key)) continue;
      approved.push_back(key);
      found = true;
    }
    if (found) continue;
    const std::string meant = nearest(name, known);
    return Refusal{
        422,
        "unknown_approval",
        "An approval names no function with side effects",
        fmt::format(
            "/approve_effects/{}: \"{}\" is no function of this workflow that has "
            "side effects{}",
            i, shorten(name, 120),
            meant.empty() ? "; leave it out" : fmt::format("; did you mean \"{}\"?", meant)),
        {}};
  }
  return std::nullopt;
}

// The same content under the same name was approved before: approved once is approved.
void carry_approvals(const Core& core, const dag::LinkedWorkflow& linked,
                     std::vector<std::string>& approved) {
  const auto current = core.services.catalog.get(linked.workflow.name);
  if (!current || !((*current)->linked == linked)) return;
  for (const std::string& key : (*current)->approved_effects) approved.push_back(key);
}

void refuse_effects(Call& call, const dag::LinkedWorkflow& linked,
                    const std::vector<std::string>& approved) {
  const Json effects = effects_json(linked, approved);
  std::string text;
  Json keys = Json::array();
  for (const Json& effect : effects) {
    keys.push_back(effect["key"]);
    if (effect["approved"] == true) continue;
    if (!text.empty()) text += ", ";
    std::vector<std::string> kinds;
    for (const Json& kind : effect["effects"]) kinds.push_back(kind.get<std::string>());
    text += fmt::format("{} ({})", effect["function"].get<std::string>(), join(kinds, ", "));
  }
  Json approve;
  approve["approve_effects"] = std::move(keys);
  call.fail_with(
      409, "effects_not_approved", "Side effects need approval",
      fmt::format("this workflow changes the world outside: {}. Approve it once, for these "
                  "versions, by sending the same request with \"approve_effects\": true, "
                  "or with the list in `approve`",
                  text),
      Json{{"effects", effects}, {"approve", std::move(approve)}});
}

void refuse_workflow(Call& call, const std::vector<dag::Diagnostic>& diagnostics) {
  std::vector<dag::Diagnostic> errors;
  std::ranges::copy_if(diagnostics, std::back_inserter(errors), [](const dag::Diagnostic& one) {
    return one.severity == dag::Severity::kError;
  });
  call.fail(422, "invalid_workflow", "The workflow could not be proven",
            "nothing was registered. " + summarize(errors), diagnostics);
}

// A verified workflow out of `document`, or an answer that says why not.
std::optional<verify::Verdict> prove(Core& core, Call& call, const Json& document,
                                     const Json* name) {
  dag::ParsedWorkflow parsed = dag::parse_workflow(document);
  if (dag::has_errors(parsed.diagnostics)) {
    refuse_workflow(call, parsed.diagnostics);
    return std::nullopt;
  }
  if (name != nullptr) parsed.workflow.name = name->get<std::string>();
  auto verdict = verify_workflow(core, parsed.workflow);
  if (!verdict) {
    call.fail(verdict.error());
    return std::nullopt;
  }
  verdict->diagnostics.insert(verdict->diagnostics.begin(), parsed.diagnostics.begin(),
                              parsed.diagnostics.end());
  if (!verdict->proven()) {
    refuse_workflow(call, verdict->diagnostics);
    return std::nullopt;
  }
  return *std::move(verdict);
}

std::optional<Candidate> candidate_from_workflow(Core& core, Call& call) {
  auto verdict = prove(core, call, call.body["workflow"], json::find(call.body, "name"));
  if (!verdict) return std::nullopt;
  Candidate candidate;
  candidate.workflow.linked = std::move(verdict->linked);
  candidate.workflow.query = json::string_or(call.body, "query");
  if (const Json* first = json::find(call.body, "first_inputs")) {
    candidate.workflow.first_inputs = *first;
  }
  candidate.warnings = std::move(verdict->diagnostics);
  return candidate;
}

void refuse_plan(const Core& core, Call& call, const generate::Generation& generation) {
  const std::string status(generate::to_string(generation.status));
  std::string text = "nothing was registered: ";
  if (generation.status == generate::Status::kMissingFunctions) {
    text += "no function serves";
    for (std::size_t i = 0; i < generation.missing_functions.size(); ++i) {
      text += fmt::format("{} \"{}\"", i == 0 ? "" : ",", generation.missing_functions[i].clause);
    }
    text += "; add one (POST /v1/functions), or leave that part out";
  } else {
    text += generation.diagnostics.empty()
                ? "no request could be made out; say what to do, and with what"
                : summarize(generation.diagnostics);
  }
  Json extensions;
  extensions["plan"] = plan_json(core, generation);
  if (!generation.diagnostics.empty()) {
    extensions["errors"] = dag::to_json(std::span(generation.diagnostics));
  }
  call.fail_with(422, status, "The query gives no workflow that could be registered", text,
                 extensions);
}

std::optional<Candidate> candidate_from_query(const CorePtr& core, const CallPtr& call) {
  if (call->body.contains("first_inputs")) {
    call->fail(422, "invalid_body", "The body is not what this request takes",
               "/first_inputs: a query brings its own values; leave it out, or send the planned "
               "workflow with it");
    return std::nullopt;
  }
  auto generation = plan(core, call);
  if (!generation) {
    call->fail(generation.error());
    return std::nullopt;
  }
  if (!generation->can_be_registered()) {
    refuse_plan(*core, *call, *generation);
    return std::nullopt;
  }
  Candidate candidate;
  candidate.on_conflict = catalog::OnConflict::kFreshName;
  candidate.workflow.query = generation->query;
  candidate.workflow.first_inputs = std::move(generation->first_inputs);
  candidate.workflow.provenance = std::move(generation->provenance);
  candidate.workflow.linked = std::move(generation->linked);
  if (const Json* name = json::find(call->body, "name")) {
    candidate.workflow.linked.workflow.name = name->get<std::string>();
  }
  candidate.warnings = std::move(generation->diagnostics);
  return candidate;
}

void register_workflow(const CorePtr& core, const CallPtr& call) {
  std::optional<Candidate> candidate = call->body.contains("workflow")
                                           ? candidate_from_workflow(*core, *call)
                                           : candidate_from_query(core, call);
  if (!candidate) return;
  const dag::LinkedWorkflow& linked = candidate->workflow.linked;
  std::vector<std::string>& approved = candidate->workflow.approved_effects;
  if (const auto refusal =
          read_approvals(linked, json::find(call->body, "approve_effects"), approved)) {
    return call->fail(refusal->status, refusal->code, refusal->title, refusal->detail);
  }
  carry_approvals(*core, linked, approved);
  const bool open = std::ranges::any_of(linked.functions, [&](const auto& entry) {
    return !entry.second.effects.empty() &&
           std::ranges::find(approved, entry.first) == approved.end();
  });
  if (open) return refuse_effects(*call, linked, approved);
  const std::string conflict = json::string_or(call->body, "on_conflict");
  if (conflict == "fresh_name") candidate->on_conflict = catalog::OnConflict::kFreshName;
  if (conflict == "new_version") candidate->on_conflict = catalog::OnConflict::kNewVersion;

  const std::string query = candidate->workflow.query;
  const Json first_inputs = candidate->workflow.first_inputs;
  const Json provenance = candidate->workflow.provenance;
  auto registered =
      core->services.catalog.add(std::move(candidate->workflow), candidate->on_conflict);
  if (!registered) return call->fail(registered.error());
  // The same workflow may have been registered by another sentence: this caller's values are the
  // ones for this caller's first run, not Anna's from last week.
  registered->query = query;
  registered->first_inputs = first_inputs;
  registered->provenance = provenance;
  call->respond_json(201, workflow_json(*core, *registered, candidate->warnings),
                     {{"Location", workflow_path(registered->id)}});
}

void lint_workflow(const CorePtr& core, const CallPtr& call) {
  dag::ParsedWorkflow parsed = dag::parse_workflow(call->body["workflow"]);
  std::vector<dag::Diagnostic> diagnostics = std::move(parsed.diagnostics);
  Json effects = Json::array();
  Json workflow;
  bool proven = false;
  if (!dag::has_errors(diagnostics)) {
    auto verdict = verify_workflow(*core, parsed.workflow);
    if (!verdict) return call->fail(verdict.error());
    proven = verdict->proven();
    if (proven) {
      effects = effects_json(verdict->linked, {});
      workflow = dag::to_json(verdict->linked.workflow);
    }
    diagnostics.insert(diagnostics.end(), verdict->diagnostics.begin(), verdict->diagnostics.end());
  }
  Json answer;
  answer["proven"] = proven;
  answer["diagnostics"] = dag::to_json(std::span<const dag::Diagnostic>(diagnostics));
  answer["effects"] = std::move(effects);
  answer["workflow"] = std::move(workflow);
  call->respond_json(200, answer);
}

void list_workflows(const CorePtr& core, const CallPtr& call) {
  const auto workflows = core->services.catalog.list();
  if (!workflows) return call->fail(workflows.error());
  Json list = Json::array();
  for (const catalog::Catalog::Summary& workflow : *workflows) {
    list.push_back({{"id", workflow.id},
                    {"version", workflow.version},
                    {"description", workflow.description},
                    {"query", workflow.query},
                    {"endpoint", core->url(endpoint_path(workflow.id))},
                    {"registered_at", to_rfc3339(workflow.registered_at)},
                    {"links", Json{{"self", core->url(workflow_path(workflow.id))}}}});
  }
  call->respond_json(200, list);
}

// ?format=, else the first media type of Accept that is one of ours, else json.
std::string format_of(const Call& call) {
  if (const auto format = call.query_parameter("format")) return *format;
  const std::string accept = to_lower(call.request().header("Accept").value_or(""));
  for (const std::string_view part : split(accept, ',')) {
    const std::string_view type = trim(part.substr(0, part.find(';')));
    if (type == "application/json" || type == "*/*") return "json";
    if (type == "application/yaml" || type == "text/yaml") return "yaml";
    if (type == "text/vnd.graphviz") return "dot";
    if (type == "text/vnd.mermaid") return "mermaid";
  }
  return "json";
}

void get_workflow(const CorePtr& core, const CallPtr& call) {
  const std::string version = call->query_parameter("version").value_or("0");
  int number = 0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  const auto found = core->services.catalog.get(call->path_parameter("id"), number);
  if (!found) return call->fail(found.error());
  const dag::Workflow& workflow = (*found)->linked.workflow;
  const std::string format = format_of(*call);
  const auto respond_text = [&](std::string type, std::string text) {
    call->respond({200, {{"Content-Type", std::move(type)}}, std::move(text)});
  };
  if (format == "yaml") {
    return respond_text("application/yaml", json::dump_yaml(dag::to_json(workflow)));
  }
  if (format == "dot")
    return respond_text("text/vnd.graphviz; charset=utf-8", dag::to_dot(workflow));
  if (format == "mermaid") {
    return respond_text("text/vnd.mermaid; charset=utf-8", dag::to_mermaid(workflow));
  }
  call->respond_json(200, workflow_json(*core, **found, {}));
}

void delete_workflow(const CorePtr& core, const CallPtr& call) {
  if (const auto removed = core->services.catalog.remove(call->path_parameter("id")); !removed) {
    return call->fail(removed.error());
  }
  call->respond({204, {}, {}});
}

}  // namespace

std::vector<Route> workflow_routes() {
  return {
      {.method = "POST",
       .path = "/v1/workflows",
       .operation_id = "registerWorkflow",
       .tag = "Workflows",
       .summary = "Register a workflow, or what a sentence is planned to be",
       .description = "Only a verified workflow is registered. Functions with side effects need "
                      "approve_effects, once, for the versions at hand (409 lists them). The body "
                      "may also be a bare Workflow document, in JSON or YAML.",
       .parameters = {},
       .body = BodyKind::kDocument,
       .request_schema = schema_ref("RegisterRequest"),
       .request_example = literal(
           R"({"query": "It will be perfect if you play music that matches my mood. This is Anna."})"),
       .responses = {{201, "Registered, now or before; Location names it.",
                      schema_ref("RegisteredWorkflow")}},
       .lane = Lane::kPlanner,
       .handler = register_workflow},
      {.method = "GET",
       .path = "/v1/workflows",
       .operation_id = "listWorkflows",
       .tag = "Workflows",
       .summary = "Registered workflows, newest first",
       .description = "",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The workflows; [] when there are none.", list_of("WorkflowSummary")}},
       .lane = Lane::kWorkers,
       .handler = list_workflows},
      {.method = "POST",
       .path = "/v1/workflows/lint",
       .operation_id = "lintWorkflow",
       .tag = "Workflows",
       .summary = "Verify a workflow without registering it",
       .description = "The body may also be a bare Workflow document, in JSON or YAML.",
       .parameters = {},
       .body = BodyKind::kDocument,
       .request_schema = schema_ref("LintRequest"),
       .request_example = {},
       .responses = {{200, "The findings.", schema_ref("Lint")}},
       .lane = Lane::kPlanner,
       .handler = lint_workflow},
      {.method = "GET",
       .path = "/v1/workflows/{id}",
       .operation_id = "getWorkflow",
       .tag = "Workflows",
       .summary = "A registered workflow",
       .description =
           "json gives all that is known of it; yaml, dot and mermaid the workflow alone. "
           "Accept: application/yaml, text/vnd.graphviz or text/vnd.mermaid do the same.",
       .parameters = {{"version", "query", "The newest without it.",
                       literal(R"({"type": "integer", "minimum": 1, "maximum": 2147483647})")},
                      {"format", "query", "The form of the answer.",
                       literal(R"({"enum": ["json", "yaml", "dot", "mermaid"]})")}},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{200, "The workflow.", schema_ref("RegisteredWorkflow")},
                     {200, "", literal(R"({"type": "string"})"), "application/yaml"},
                     {200, "", literal(R"({"type": "string"})"), "text/vnd.graphviz"},
                     {200, "", literal(R"({"type": "string"})"), "text/vnd.mermaid"}},
       .lane = Lane::kWorkers,
       .handler = get_workflow},
      {.method = "DELETE",
       .path = "/v1/workflows/{id}",
       .operation_id = "deleteWorkflow",
       .tag = "Workflows",
       .summary = "Remove a workflow and its endpoint",
       .description = "All its versions; its runs stay.",
       .parameters = {},
       .body = BodyKind::kNone,
       .request_schema = {},
       .request_example = {},
       .responses = {{204, "It is gone.", {}}},
       .lane = Lane::kWorkers,
       .handler = delete_workflow},
  };
}

}  // namespace ae::gateway
