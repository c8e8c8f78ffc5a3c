#include <fmt/format.h>

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
  bool any_unproven = false;
  for (const Json& function : functions) {
    const bool unproven = json::string_or(function, "schemas") == "inferred";
    any_unproven = any_unproven || unproven;
    rows.push_back({json::string_or(function, "name"),
                    properties_of(function, "input") + (unproven ? out.warn(" ?") : ""),
                    properties_of(function, "output") + (unproven ? out.warn(" ?") : ""),
                    out.warn(effects_of(function)),
                    out.dim(shorten(printable(json::string_or(function, "description")), 60))});
  }
  out.table({"name", "takes", "gives", "effects", "description"}, rows);
  if (any_unproven) {
    out.line(out.dim("?  guessed, not declared: workflows that use it carry a warning"));
  }
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

std::string texts_of(const Json& function, std::string_view member) {
  std::vector<std::string> texts;
  if (const Json* list = json::find(function, member); list != nullptr && list->is_array()) {
    for (const Json& one : *list) {
      if (one.is_string()) texts.push_back(printable(one.get<std::string>()));
    }
  }
  return join(texts, ", ");
}

// Where it runs and what it may reach.
void print_settings(const Output& out, const Json& function) {
  std::vector<std::vector<std::string>> rows;
  const auto row = [&](std::string_view title, const std::string& value) {
    if (!value.empty()) rows.push_back({std::string(title), value});
  };
  row("runtime", printable(json::string_or(function, "runtime")));
  row("handler", printable(json::string_or(function, "handler")));
  if (const Json* binding = json::find(function, "binding")) {
    row("runs at", printable(json::dump(*binding)));
  }
  if (json::string_or(function, "event") == "api-gateway") row("event", "as API Gateway sends it");
  row("may connect to", texts_of(function, "egress"));
  row("secrets", texts_of(function, "secrets"));
  row("environment", texts_of(function, "environment"));
  row("fails with", texts_of(function, "errors"));
  if (rows.empty()) return;
  out.heading("Settings");
  out.table({"", ""}, rows);
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
  if (json::string_or(function, "schemas") == "inferred") {
    out.line(out.warn("unproven") +
             out.dim(fmt::format("  its schemas are guesses; ae fn infer {} writes a function.yaml "
                                 "to declare them with",
                                 printable(name))));
  }
  print_schema(out, "Input", json::find(function, "input"));
  print_schema(out, "Output", json::find(function, "output"));
  if (const std::string effects = effects_of(function); !effects.empty()) {
    out.heading("Side effects");
    out.line("  " + out.warn(effects));
  }
  print_settings(out, function);
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
