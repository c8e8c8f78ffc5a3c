// Functions coming in, going, and getting to be known better.
#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "net/http_message.h"

namespace ae::cli {
namespace {

std::filesystem::path absolute_of(const std::string& path, std::error_code& error) {
  return std::filesystem::canonical(path, error);
}

std::string shown_result(const Output& out, const std::string& result) {
  if (result == "new") return out.good("new");
  if (result == "new_version") return out.good("new version");
  return out.dim("unchanged");
}

// What became of each function of one path.
struct AddReport {
  Json functions = Json::array();  // as the API gives them
  Json refused = Json::array();    // {path, reason}
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> notes;
  bool missing = false;  // a path does not exist
};

void take_added(const Output& out, const Json& answer, AddReport& report) {
  const Json* functions = json::find(answer, "functions");
  if (functions == nullptr) return;
  for (const Json& function : *functions) {
    const std::string name = json::string_or(function, "name");
    report.functions.push_back(function);
    const bool unproven = json::string_or(function, "schemas") == "inferred";
    report.rows.push_back({name, shown_result(out, json::string_or(function, "result")),
                           out.dim(json::string_or(function, "version").substr(0, 12)),
                           unproven ? out.warn("schemas guessed, unproven") : ""});
    const Json* notes = json::find(function, "notes");
    if (notes == nullptr) continue;
    for (const Json& note : *notes) {
      if (note.is_string()) report.notes.push_back(name + ": " + note.get<std::string>());
    }
  }
}

void take_refusal(const Output& out, const std::string& path, const std::string& reason,
                  AddReport& report) {
  report.refused.push_back(Json{{"path", path}, {"reason", reason}});
  report.rows.push_back({printable(path), out.bad("refused"), "", printable(reason)});
}

// A problem's findings, or its detail when it has none.
void take_problem(const Output& out, const std::string& path, const net::Response& response,
                  AddReport& report) {
  const auto problem = json::parse(response.body);
  const Json* errors = problem ? json::find(*problem, "errors") : nullptr;
  if (errors != nullptr && errors->is_array() && !errors->empty()) {
    for (const Json& one : *errors) {
      take_refusal(out, path, json::string_or(one, "message"), report);
    }
    return;
  }
  take_refusal(out, path,
               problem ? json::string_or(*problem, "detail")
                       : fmt::format("the server answered {}", response.status),
               report);
}

Result<void> add_path(Connection& connection, const Output& out, const std::string& path,
                      AddReport& report) {
  std::error_code error;
  const auto absolute = absolute_of(path, error);
  if (error) {
    report.missing = true;
    take_refusal(out, path, error.message(), report);
    return {};
  }
  net::Request request{.method = "POST",
                       .target = "/v1/functions",
                       .headers = {{"Content-Type", "application/json"}},
                       .body = json::dump(Json{{"path", absolute.string()}})};
  AE_TRY(const net::Response response, connection.send(std::move(request)));
  if (response.status >= 400) {
    take_problem(out, path, response, report);
    return {};
  }
  AE_TRY(const Json answer, json::parse(response.body));
  take_added(out, answer, report);
  return {};
}

}  // namespace

Result<Json> add_packages(Connection& connection, const std::string& folder) {
  std::error_code error;
  const auto path = std::filesystem::canonical(folder, error);
  if (error) {
    return fail(ErrorCode::kNotFound,
                fmt::format("cannot find the folder {}: {}", folder, error.message()));
  }
  return post_json(connection, "/v1/functions", Json{{"path", path.string()}});
}

Result<int> init(const Session& session, const InitOptions& options) {
  const Config& config = session.environment.config;
  std::vector<std::string> packs = options.packs;
  if (packs.empty()) {
    if (config.packs.empty()) {
      return fail(ErrorCode::kFailedPrecondition,
                  "cannot find the bundled functions beside this program; name their folder with "
                  "--packs DIR or AE_PACKS");
    }
    packs.push_back(config.packs.string());
  }
  AE_TRY(const auto connection, connect(session.environment));
  const auto settings_file = config.home / "ae.yaml";
  if (std::error_code error; !std::filesystem::exists(settings_file, error)) {
    std::string text = "# Settings of Action Engine. Flags, the environment and .env come first.\n";
    for (const Setting& setting : settings()) {
      if (setting.key == "home") continue;
      text += fmt::format("# {}: {}\n#{}:\n", setting.environment, setting.help, setting.key);
    }
    AE_CHECK(write_file_atomically(settings_file, text));
  }
  Json report = Json::array();
  int added = 0;
  for (const std::string& folder : packs) {
    AE_TRY(const Json answer, add_packages(*connection, folder));
    const Json* functions = json::find(answer, "functions");
    if (functions == nullptr) continue;
    for (const Json& function : *functions) {
      if (json::string_or(function, "result") != "unchanged") ++added;
      report.push_back(function);
    }
  }
  if (!session.out.text()) {
    session.out.document(Json{{"home", config.home.string()}, {"functions", report}});
    return 0;
  }
  session.out.line(fmt::format("home folder {}: {} functions, {} new or changed",
                               config.home.string(), report.size(), added));
  return 0;
}

Result<int> add_functions(const Session& session, const std::vector<std::string>& paths) {
  AE_TRY(const auto connection, connect(session.environment));
  const Output& out = session.out;
  AddReport report;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (out.text() && paths.size() > 1) {
      out.note(fmt::format("{}/{} {}", i + 1, paths.size(), printable(paths[i])));
    }
    AE_CHECK(add_path(*connection, out, paths[i], report));
  }
  if (out.text() && report.functions.empty() && report.refused.size() == 1) {
    return fail(report.missing ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
                fmt::format("{} is refused: {}", json::string_or(report.refused[0], "path"),
                            json::string_or(report.refused[0], "reason")));
  }
  if (!out.text()) {
    out.document(Json{{"functions", report.functions}, {"refused", report.refused}});
  } else {
    out.table({"function", "result", "version", ""}, report.rows);
    for (const std::string& note : report.notes) out.line(out.dim("note  " + printable(note)));
  }
  return report.refused.empty() ? 0 : report.functions.empty() ? 2 : 1;
}

Result<int> remove_functions(const Session& session, const std::vector<std::string>& names) {
  AE_TRY(const auto connection, connect(session.environment));
  Json report = Json::array();
  for (const std::string& name : names) {
    net::Request request{.method = "DELETE",
                         .target = "/v1/functions/" + net::percent_encode(name),
                         .headers = {},
                         .body = {}};
    AE_TRY(const net::Response response, connection->send(std::move(request)));
    AE_TRY(const Json answer, body_of(response));
    report.push_back(answer);
    if (!session.out.text()) continue;
    const Json* users = json::find(answer, "used_by");
    std::vector<std::string> names_of_users;
    for (const Json& user : users == nullptr ? Json::array() : *users) {
      if (user.is_string()) names_of_users.push_back(user.get<std::string>());
    }
    session.out.line(fmt::format(
        "{} {} removed{}", session.out.good("✓"), printable(name),
        names_of_users.empty() ? ""
                               : session.out.dim(fmt::format("; still run, as registered, by {}",
                                                             join(names_of_users, ", ")))));
  }
  if (!session.out.text()) session.out.document(report);
  return 0;
}

Result<int> infer_function(const Session& session, const std::string& name, InferMode mode) {
  AE_TRY(const auto connection, connect(session.environment));
  const std::string target = "/v1/functions/" + net::percent_encode(name) + "/inference";
  Json answer;
  if (mode == InferMode::kAccept) {
    AE_TRY(answer, post_json(*connection, target, Json::object()));
  } else {
    AE_TRY(answer, get_json(*connection, target));
  }
  const Output& out = session.out;
  if (!out.text()) {
    out.document(answer);
    return 0;
  }
  const Json* samples = json::find(answer, "samples");
  const bool changed = json::find(answer, "changed") != nullptr && answer["changed"] == true;
  // A comment, so that the whole output can become the function.yaml.
  out.line(fmt::format("# from the code, and {} recorded calls; {}",
                       samples == nullptr ? "0" : json::dump(*samples),
                       mode == InferMode::kAccept ? "accepted as the guess to plan with"
                       : changed ? "differs from the current guess (--accept takes it over)"
                                 : "same as the current one"));
  out.line(std::string(trim(json::string_or(answer, "sidecar"))));
  return 0;
}

}  // namespace ae::cli
