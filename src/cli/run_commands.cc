#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/plan_view.h"
#include "cli/upload.h"
#include "json/yaml.h"
#include "net/http_message.h"

namespace ae::cli {
namespace {

constexpr int kWaitSeconds = 60;

bool interactive() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

std::string ask(const std::string& question) {
  std::cout << question << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return std::string(trim(answer));
}

// Adds what the plan still needs: from --input, else by asking on a terminal.
Result<void> fill_missing(const Session& session, const Json& needs, Json& input) {
  const Json* properties = json::find(needs, "properties");
  if (properties == nullptr) return {};
  std::vector<std::string> missing;
  for (const auto& [name, schema] : properties->items()) {
    if (input.contains(name)) continue;
    if (interactive() && session.out.text()) {
      const std::string hint = json::string_or(schema, "description");
      const std::string answer = ask(fmt::format("{}{}: ", name, hint.empty() ? "" : " — " + hint));
      AE_TRY(const Json given, parse_inputs({name + "=" + answer}, needs));
      if (!answer.empty()) input.update(given);
    }
    if (!input.contains(name)) missing.push_back(name);
  }
  if (missing.empty()) return {};
  std::string flags;
  for (const std::string& name : missing) flags += fmt::format(" --input {}=…", name);
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("the query does not say {}; give it with{}", join(missing, ", "), flags));
}

// Which functions of a plan have side effects: "send_email (send)".
std::vector<std::string> effects_of(const Json& plan) {
  std::vector<std::string> effects;
  if (const Json* list = json::find(plan, "effects"); list != nullptr && list->is_array()) {
    for (const Json& entry : *list) {
      std::vector<std::string> kinds;
      if (const Json* names = json::find(entry, "effects")) {
        for (const Json& kind : *names) kinds.push_back(kind.get<std::string>());
      }
      effects.push_back(
          fmt::format("{} ({})", json::string_or(entry, "function"), join(kinds, ", ")));
    }
  }
  return effects;
}

Result<void> approve(const Session& session, const std::vector<std::string>& effects,
                     bool approved) {
  if (effects.empty() || approved) return {};
  const std::string what = join(effects, ", ");
  if (interactive() && session.out.text()) {
    const std::string answer =
        ask(fmt::format("This workflow has side effects: {}. Register and run it? [y/N] ", what));
    if (answer == "y" || answer == "Y" || answer == "yes") return {};
  }
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("the workflow has side effects: {}; look at it with --dry-run, then "
                          "approve them with --approve",
                          what));
}

struct Prepared {
  Json registration;  // body of POST /v1/workflows
  Json first_inputs = Json::object();
  Json needs;          // JSON Schema, or null
  Json inputs_schema;  // of the workflow
  std::vector<std::string> effects;
};

Result<Prepared> prepare_query(const Session& session, Connection& connection,
                               const RunOptions& options) {
  Json request{{"query", options.query}};
  if (!options.files.empty()) {
    AE_TRY(request["attachments"], options.dry_run ? describe_files(options.files)
                                                   : upload_files(connection, options.files));
  }
  AE_TRY(const Json plan, post_json(connection, "/v1/plans", request));
  if (session.out.text()) print_plan(session.out, plan);
  const std::string status = json::string_or(plan, "status");
  if (status != "ready" && status != "needs_input") {
    if (!session.out.text()) session.out.document(plan);
    if (status == "missing_functions") {
      return fail(ErrorCode::kFailedPrecondition,
                  "nothing was registered: part of the sentence is served by no function");
    }
    return fail(ErrorCode::kFailedPrecondition, "nothing was registered: no workflow came of it");
  }
  Prepared prepared;
  prepared.registration = std::move(request);
  if (const Json* inputs = json::find(plan, "first_inputs")) prepared.first_inputs = *inputs;
  if (const Json* needs = json::find(plan, "needs_input")) prepared.needs = *needs;
  if (const Json* workflow = json::find(plan, "workflow")) {
    if (const Json* schema = json::find(*workflow, "inputs")) prepared.inputs_schema = *schema;
  }
  prepared.effects = effects_of(plan);
  return prepared;
}

Result<Prepared> prepare_file(const Session& session, Connection& connection,
                              const std::string& file) {
  AE_TRY(const std::string text, read_text(file));
  AE_TRY(Json document, json::parse_yaml(text));
  if (const Json* inner = json::find(document, "workflow");
      inner != nullptr && json::find(document, "kind") == nullptr) {
    document = Json(*inner);
  }
  AE_TRY(const Json lint,
         post_json(connection, "/v1/workflows/lint", Json{{"workflow", document}}));
  if (session.out.text()) {
    print_workflow(session.out, document);
    if (const Json* findings = json::find(lint, "diagnostics")) {
      print_diagnostics(session.out, *findings);
    }
  }
  Prepared prepared;
  prepared.registration = Json{{"workflow", document}};
  if (const Json* schema = json::find(document, "inputs")) prepared.inputs_schema = *schema;
  prepared.effects = effects_of(lint);
  return prepared;
}

void print_endpoint(const Output& out, const Json& registered) {
  out.heading("Endpoint");
  out.line("  " + out.accent(json::string_or(registered, "endpoint")));
  out.line("  " + json::string_or(registered, "curl"));
}

Result<Json> start_and_wait(Connection& connection, const std::string& workflow, const Json& input,
                            const std::string& key, bool wait) {
  net::Headers headers;
  if (!key.empty()) headers.emplace_back("Idempotency-Key", key);
  if (wait) headers.emplace_back("Prefer", fmt::format("wait={}", kWaitSeconds));
  AE_TRY(Json run, post_json(connection, "/v1/workflows/" + net::percent_encode(workflow) + "/runs",
                             Json{{"input", input}}, std::move(headers)));
  while (wait && json::string_or(run, "status") == "running") {
    AE_TRY(run, get_json(connection, fmt::format("/v1/runs/{}?wait={}", json::string_or(run, "id"),
                                                 kWaitSeconds)));
  }
  return run;
}

}  // namespace

Result<Json> parse_inputs(const std::vector<std::string>& assignments, const Json& schema) {
  Json inputs = Json::object();
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--input {}: expected name=value", assignment));
    }
    const std::string name = assignment.substr(0, equals);
    const std::string text = assignment.substr(equals + 1);
    const Json* properties = json::find(schema, "properties");
    const Json* property = properties == nullptr ? nullptr : json::find(*properties, name);
    const bool is_text = property != nullptr && json::string_or(*property, "type") == "string";
    const auto value = is_text ? Result<Json>(Json(text)) : json::parse(text);
    inputs[name] = value ? *value : Json(text);
  }
  return inputs;
}

int print_run(const Output& out, const Json& run) {
  const std::string status = json::string_or(run, "status");
  if (!out.text()) {
    out.document(run);
  } else if (status == "succeeded") {
    const Json* outputs = json::find(run, "outputs");
    out.line(bare(outputs == nullptr ? Json() : *outputs));
  } else {
    const std::string id = json::string_or(run, "id");
    const Json* error = json::find(run, "error");
    out.line(fmt::format("{} {}", out.bad("run " + status), id));
    if (error != nullptr && error->is_object()) {
      const std::string node = json::string_or(*error, "node");
      out.line(fmt::format("  {}{}", node.empty() ? "" : "step " + node + ": ",
                           printable(json::string_or(*error, "message"))));
    }
    if (const Json* steps = json::find(run, "steps"); steps != nullptr && steps->is_array()) {
      for (const Json& step : *steps) {
        out.line(fmt::format("  {:<12} {}", json::string_or(step, "status"),
                             json::string_or(step, "id")));
      }
    }
    if (const Json* how = json::find(run, "resume"); how != nullptr && how->is_object()) {
      out.line("  go on with: " + json::string_or(*how, "cli", "ae resume " + id));
    }
    out.line(fmt::format("  look closer with: ae trace {0}; ae logs {0}", id));
  }
  return status == "succeeded" || status == "running" ? 0 : 1;
}

Result<int> run_query(const Session& session, const RunOptions& options) {
  const Output& out = session.out;
  std::unique_ptr<Connection> connection;
  if (options.dry_run) {
    AE_TRY(connection, connect(session.environment));
  } else {
    AE_TRY(connection,
           connect_to_server(session.environment, [&](std::string_view text) { out.note(text); }));
  }
  AE_TRY(Prepared prepared, options.query.empty()
                                ? prepare_file(session, *connection, options.files.front())
                                : prepare_query(session, *connection, options));
  Json input = prepared.first_inputs;
  AE_TRY(const Json given, parse_inputs(options.inputs, prepared.inputs_schema));
  input.update(given);
  if (options.dry_run) {
    if (!out.text()) {
      out.document(Json{{"input", input}, {"effects", prepared.effects}});
      return 0;
    }
    out.heading("Dry run: nothing was registered or called");
    out.line("  input: " + printable(json::dump(input)));
    for (const std::string& effect : prepared.effects) out.line("  would call: " + effect);
    return 0;
  }
  AE_CHECK(approve(session, prepared.effects, options.approve));
  AE_CHECK(fill_missing(session, prepared.needs, input));
  if (!prepared.effects.empty()) prepared.registration["approve_effects"] = true;
  if (!options.name.empty()) prepared.registration["name"] = options.name;
  AE_TRY(const Json registered, post_json(*connection, "/v1/workflows", prepared.registration));
  if (out.text()) print_endpoint(out, registered);
  AE_TRY(const Json run,
         start_and_wait(*connection, json::string_or(registered, "id"), input, {}, true));
  if (!out.text()) {
    out.document(Json{{"workflow", registered}, {"run", run}});
    return json::string_or(run, "status") == "succeeded" ? 0 : 1;
  }
  out.heading("Result");
  return print_run(out, run);
}

Result<int> invoke(const Session& session, const InvokeOptions& options) {
  AE_TRY(const auto connection, connect_to_server(session.environment, [&](std::string_view text) {
           session.out.note(text);
         }));
  Json input = Json::object();
  if (!options.file.empty()) {
    AE_TRY(const std::string text, read_text(options.file));
    AE_TRY(input, json::parse_yaml(text));
    if (!input.is_object()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected an object of inputs, such as {{\"city\": \"Oslo\"}}",
                              options.file));
    }
  }
  AE_TRY(const Json workflow,
         get_json(*connection, "/v1/workflows/" + net::percent_encode(options.workflow)));
  const Json* schema = json::find(workflow, "inputs");
  AE_TRY(const Json given, parse_inputs(options.inputs, schema == nullptr ? Json() : *schema));
  input.update(given);
  AE_TRY(const Json run, start_and_wait(*connection, options.workflow, input,
                                        options.idempotency_key, options.wait));
  if (!options.wait && session.out.text()) {
    session.out.line(json::string_or(run, "id"));
    return 0;
  }
  return print_run(session.out, run);
}

Result<int> resume(const Session& session, const ResumeOptions& options) {
  AE_TRY(const auto connection, connect_to_server(session.environment, [&](std::string_view text) {
           session.out.note(text);
         }));
  Json body = Json::object();
  if (!options.from.empty()) body["from"] = options.from;
  if (!options.inputs.empty()) {
    AE_TRY(const Json run, get_json(*connection, "/v1/runs/" + net::percent_encode(options.run)));
    AE_TRY(const Json given, parse_inputs(options.inputs, Json()));
    Json input = json::find(run, "input") == nullptr ? Json::object() : run["input"];
    input.update(given);
    body["input"] = std::move(input);
  }
  const std::string target = "/v1/runs/" + net::percent_encode(options.run);
  AE_CHECK(post_json(*connection, target + "/resume", body));
  AE_TRY(Json run, get_json(*connection, fmt::format("{}?wait={}", target, kWaitSeconds)));
  return print_run(session.out, run);
}

Result<int> logs(const Session& session, const std::string& run) {
  AE_TRY(const auto connection, connect(session.environment));
  AE_TRY(const Json answer,
         get_json(*connection, "/v1/runs/" + net::percent_encode(run) + "/logs"));
  if (!session.out.text()) {
    session.out.document(answer);
    return 0;
  }
  const Json* found = json::find(answer, "logs");
  const Json& entries = found == nullptr ? answer : *found;
  for (const Json& entry : entries) {
    const Json* attempt = json::find(entry, "attempt");
    session.out.line(
        session.out.bold(fmt::format("{} attempt {}", json::string_or(entry, "node"),
                                     attempt == nullptr ? "1" : json::dump(*attempt))));
    session.out.line(printable(trim(json::string_or(entry, "text"))));
  }
  if (entries.empty()) session.out.line("no step of this run printed anything");
  return 0;
}

Result<int> trace(const Session& session, const std::string& run, bool follow) {
  AE_TRY(const auto connection, connect(session.environment));
  const std::string target = "/v1/runs/" + net::percent_encode(run);
  AE_TRY(Json state, get_json(*connection, target));
  if (follow) {
    net::Request request{.method = "GET",
                         .target = target + "/events",
                         .headers = {{"Accept", "text/event-stream"}},
                         .body = {}};
    AE_TRY(const net::Response events,
           connection->stream(std::move(request), [&](std::string_view chunk) {
             session.out.line(printable(trim(chunk)));
             return true;
           }));
    if (events.status >= 400) AE_CHECK(body_of(events));
    AE_TRY(state, get_json(*connection, target));
  }
  if (!session.out.text()) {
    session.out.document(state);
    return 0;
  }
  const Output& out = session.out;
  out.line(fmt::format("{} {}  {}", out.bold(json::string_or(state, "id")),
                       json::string_or(state, "workflow"), json::string_or(state, "status")));
  std::vector<std::vector<std::string>> rows;
  if (const Json* steps = json::find(state, "steps"); steps != nullptr && steps->is_array()) {
    for (const Json& step : *steps) {
      const Json* attempts = json::find(step, "attempts");
      const Json* duration = json::find(step, "duration_ms");
      const Json* output = json::find(step, "output");
      const Json* error = json::find(step, "error");
      const bool failed = error != nullptr && error->is_object();
      rows.push_back(
          {json::string_or(step, "id"), json::string_or(step, "status"),
           attempts == nullptr ? "" : json::dump(*attempts),
           duration == nullptr || duration->is_null() ? "" : json::dump(*duration),
           printable(shorten(failed ? json::string_or(*error, "message")
                             : output == nullptr || output->is_null() ? ""
                                                                      : json::dump(*output),
                             80))});
    }
  }
  out.table({"step", "status", "attempts", "ms", "result"}, rows);
  return 0;
}

}  // namespace ae::cli
