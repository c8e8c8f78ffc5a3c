#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/plan_view.h"
#include "json/yaml.h"
#include "net/http_message.h"

namespace ae::cli {
namespace {

constexpr std::size_t kMaxInputBytes = 16UL << 20U;

bool is_run_id(const std::string& id) { return id.starts_with("run_"); }

}  // namespace

Result<std::string> read_text(const std::string& file) {
  if (file != "-") return read_file(file, kMaxInputBytes);
  std::string text;
  char buffer[1U << 16U];
  while (std::cin.read(buffer, sizeof buffer) || std::cin.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > kMaxInputBytes) {
      return fail(ErrorCode::kResourceExhausted,
                  fmt::format("standard input is larger than {} bytes", kMaxInputBytes));
    }
  }
  return text;
}

Result<int> plan(const Session& session, const std::string& query) {
  AE_TRY(const auto connection, connect(session.environment));
  AE_TRY(const Json answer, post_json(*connection, "/v1/plans", Json{{"query", query}}));
  const std::string status = json::string_or(answer, "status");
  if (!session.out.text()) {
    session.out.document(answer);
  } else {
    print_plan(session.out, answer);
    session.out.line();
    session.out.line("status: " +
                     (status == "ready" ? session.out.good(status) : session.out.warn(status)));
  }
  return status == "ready" || status == "needs_input" ? 0 : 1;
}

Result<int> lint(const Session& session, const std::string& file) {
  AE_TRY(const std::string text, read_text(file));
  AE_TRY(Json document, json::parse_yaml(text));
  // A plan (ae plan -o yaml) holds the workflow in a member.
  if (const Json* inner = json::find(document, "workflow");
      inner != nullptr && json::find(document, "kind") == nullptr) {
    document = Json(*inner);
  }
  AE_TRY(const auto connection, connect(session.environment));
  AE_TRY(const Json answer,
         post_json(*connection, "/v1/workflows/lint", Json{{"workflow", document}}));
  const Json* proven = json::find(answer, "proven");
  const bool ok = proven != nullptr && *proven == true;
  if (!session.out.text()) {
    session.out.document(answer);
  } else {
    if (const Json* findings = json::find(answer, "diagnostics")) {
      print_diagnostics(session.out, *findings);
    }
    session.out.line(ok ? session.out.good("proven well-formed")
                        : session.out.bad("not proven: it cannot be registered"));
  }
  return ok ? 0 : 1;
}

Result<int> list_workflows(const Session& session) {
  AE_TRY(const auto connection, connect(session.environment));
  AE_TRY(const Json workflows, get_json(*connection, "/v1/workflows"));
  if (!session.out.text()) {
    session.out.document(workflows);
    return 0;
  }
  if (workflows.empty()) {
    session.out.line("no workflows yet; make one with: ae run \"what you want\"");
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const Json& workflow : workflows) {
    const Json* number = json::find(workflow, "version");
    rows.push_back({json::string_or(workflow, "id"), number == nullptr ? "" : json::dump(*number),
                    json::string_or(workflow, "registered_at"),
                    session.out.dim(printable(shorten(json::string_or(workflow, "query"), 70)))});
  }
  session.out.table({"workflow", "version", "registered", "query"}, rows);
  return 0;
}

Result<int> get(const Session& session, const GetOptions& options) {
  AE_TRY(const auto connection, connect(session.environment));
  if (is_run_id(options.id)) {
    AE_TRY(const Json run, get_json(*connection, "/v1/runs/" + net::percent_encode(options.id)));
    session.out.document(run);
    return 0;
  }
  std::string target = "/v1/workflows/" + net::percent_encode(options.id) + "?";
  if (options.version > 0) target += fmt::format("version={}&", options.version);
  if (!options.as.empty()) {
    net::Request request{
        .method = "GET", .target = target + "format=" + options.as, .headers = {}, .body = {}};
    AE_TRY(const net::Response response, connection->send(std::move(request)));
    if (response.status >= 400) {
      AE_CHECK(body_of(response));
    }
    session.out.line(trim(response.body));
    return 0;
  }
  AE_TRY(const Json workflow, get_json(*connection, target + "format=json"));
  if (!session.out.text()) {
    session.out.document(workflow);
    return 0;
  }
  const Json* definition = json::find(workflow, "workflow");
  session.out.line(session.out.bold(options.id));
  if (definition != nullptr) print_workflow(session.out, *definition);
  session.out.heading("Endpoint");
  session.out.line("  " + json::string_or(workflow, "curl"));
  return 0;
}

}  // namespace ae::cli
