#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "net/http_message.h"

namespace ae::cli {
namespace {

std::string effects_of(const Json& function) {
  std::vector<std::string> effects;
  if (const Json* list = json::find(function, "effects"); list != nullptr && list->is_array()) {
    for (const Json& effect : *list) effects.push_back(effect.get<std::string>());
  }
  return join(effects, ", ");
}

std::string properties_of(const Json& function, std::string_view member) {
  std::vector<std::string> names;
  const Json* schema = json::find(function, member);
  const Json* properties = schema == nullptr ? nullptr : json::find(*schema, "properties");
  if (properties != nullptr && properties->is_object()) {
    for (const auto& [name, property] : properties->items()) names.push_back(name);
  }
  return join(names, ", ");
}

void print_functions(const Output& out, const Json& functions) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& function : functions) {
    rows.push_back({json::string_or(function, "name"), properties_of(function, "input"),
                    properties_of(function, "output"), out.warn(effects_of(function)),
                    out.dim(shorten(json::string_or(function, "description"), 60))});
  }
  out.table({"name", "takes", "gives", "effects", "description"}, rows);
}

void print_schema(const Output& out, std::string_view title, const Json* schema) {
  out.heading(title);
  const Json* properties = schema == nullptr ? nullptr : json::find(*schema, "properties");
  if (properties == nullptr || properties->empty()) {
    out.line(out.dim("  not declared"));
    return;
  }
  const Json* required = json::find(*schema, "required");
  for (const auto& [name, property] : properties->items()) {
    bool needed = false;
    if (required != nullptr) {
      for (const Json& entry : *required) needed = needed || entry == name;
    }
    out.line(fmt::format("  {}  {}{}  {}", out.bold(name), json::string_or(property, "type", "any"),
                         needed ? "" : out.dim("?"),
                         out.dim(printable(json::string_or(property, "description")))));
  }
}

struct ExampleResult {
  bool passed = false;
  std::string detail;
};

// Whether one answer of the function is what the example promises.
ExampleResult judge(const Json& example, const Json& answer) {
  const std::string wanted_error = json::string_or(example, "error");
  const Json* error = json::find(answer, "error");
  const bool failed = error != nullptr && !error->is_null();
  if (!wanted_error.empty()) {
    const std::string type = failed ? json::string_or(*error, "type") : "no error";
    return {type == wanted_error, fmt::format("expected {}, got {}", wanted_error, type)};
  }
  if (failed) {
    return {false, fmt::format("{}: {}", json::string_or(*error, "type"),
                               json::string_or(*error, "message"))};
  }
  const Json* wanted = json::find(example, "output");
  const Json* output = json::find(answer, "output");
  if (wanted == nullptr || wanted->is_null()) return {true, "ran"};
  const bool same = output != nullptr && json::equal(*wanted, *output);
  return {same, fmt::format("expected {}, got {}", json::dump(*wanted),
                            output == nullptr ? "nothing" : json::dump(*output))};
}

struct TestTally {
  int passed = 0;
  int failed = 0;
  int without = 0;  // functions with no example
};

Result<void> test_one(const Session& session, Connection& connection, const std::string& name,
                      TestTally& tally, Json& report) {
  AE_TRY(const Json function, get_json(connection, "/v1/functions/" + net::percent_encode(name)));
  const Json* examples = json::find(function, "examples");
  if (examples == nullptr || examples->empty()) {
    ++tally.without;
    if (session.out.text()) {
      session.out.line(
          fmt::format("{} {}  no examples in its function.yaml", session.out.warn("–"), name));
    }
    return {};
  }
  for (std::size_t i = 0; i < examples->size(); ++i) {
    const Json& example = (*examples)[i];
    const Json* input = json::find(example, "input");
    AE_TRY(const Json answer,
           post_json(connection, "/v1/functions/" + net::percent_encode(name) + "/invocations",
                     Json{{"input", input == nullptr ? Json::object() : *input}}));
    const ExampleResult result = judge(example, answer);
    ++(result.passed ? tally.passed : tally.failed);
    report.push_back(Json{{"function", name}, {"example", i}, {"passed", result.passed}});
    if (!session.out.text()) continue;
    session.out.line(fmt::format("{} {}  example {}{}",
                                 result.passed ? session.out.good("✓") : session.out.bad("✗"), name,
                                 i + 1, result.passed ? "" : ": " + printable(result.detail)));
  }
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
  Json report = Json::array();
  for (const std::string& path : paths) {
    AE_TRY(const Json answer, add_packages(*connection, path));
    const Json* functions = json::find(answer, "functions");
    if (functions == nullptr) continue;
    for (const Json& function : *functions) {
      report.push_back(function);
      if (session.out.text()) {
        session.out.line(fmt::format("{} {}  {}", session.out.good("✓"),
                                     json::string_or(function, "name"),
                                     session.out.dim(json::string_or(function, "result"))));
      }
    }
  }
  if (!session.out.text()) session.out.document(report);
  return 0;
}

Result<int> list_functions(const Session& session) {
  AE_TRY(const auto connection, connect(session.environment));
  AE_TRY(const Json functions, get_json(*connection, "/v1/functions"));
  if (!session.out.text()) {
    session.out.document(functions);
  } else if (functions.empty()) {
    session.out.line("no functions yet; add some with: ae init, or ae fn add FOLDER");
  } else {
    print_functions(session.out, functions);
  }
  return 0;
}

Result<int> search_functions(const Session& session, const std::string& text, std::size_t limit) {
  AE_TRY(const auto connection, connect(session.environment));
  AE_TRY(const Json functions,
         get_json(*connection, fmt::format("/v1/functions?search={}&limit={}",
                                           net::percent_encode(text), limit)));
  if (!session.out.text()) {
    session.out.document(functions);
  } else if (functions.empty()) {
    session.out.line("no function matches; see all with: ae fn list");
    return 1;
  } else {
    print_functions(session.out, functions);
  }
  return 0;
}

Result<int> show_function(const Session& session, const std::string& name,
                          const std::string& version) {
  AE_TRY(const auto connection, connect(session.environment));
  std::string target = "/v1/functions/" + net::percent_encode(name);
  if (!version.empty()) target += "?version=" + net::percent_encode(version);
  AE_TRY(const Json function, get_json(*connection, target));
  const Output& out = session.out;
  if (!out.text()) {
    out.document(function);
    return 0;
  }
  out.line(fmt::format("{}  {}", out.bold(name),
                       out.dim(json::string_or(function, "version").substr(0, 12))));
  out.line(printable(json::string_or(function, "description")));
  print_schema(out, "Input", json::find(function, "input"));
  print_schema(out, "Output", json::find(function, "output"));
  if (const std::string effects = effects_of(function); !effects.empty()) {
    out.heading("Side effects");
    out.line("  " + out.warn(effects));
  }
  return 0;
}

Result<int> test_functions(const Session& session, const std::vector<std::string>& names) {
  AE_TRY(const auto connection, connect(session.environment));
  std::vector<std::string> chosen = names;
  if (chosen.empty()) {
    AE_TRY(const Json functions, get_json(*connection, "/v1/functions"));
    for (const Json& function : functions) chosen.push_back(json::string_or(function, "name"));
  }
  TestTally tally;
  Json report = Json::array();
  for (const std::string& name : chosen) {
    AE_CHECK(test_one(session, *connection, name, tally, report));
  }
  if (session.out.text()) {
    session.out.line(fmt::format("{} passed, {} failed, {} functions without examples",
                                 tally.passed, tally.failed, tally.without));
  } else {
    session.out.document(report);
  }
  return tally.failed == 0 ? 0 : 1;
}

}  // namespace ae::cli
