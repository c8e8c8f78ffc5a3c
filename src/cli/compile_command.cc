#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/plan_view.h"
#include "json/yaml.h"
#include "net/http_message.h"

namespace ae::cli {
namespace {

namespace fs = std::filesystem;

Result<int> list_targets(const Session& session, Connection& connection) {
  AE_TRY(const Json targets, get_json(connection, "/v1/targets"));
  if (!session.out.text()) {
    session.out.document(targets);
    return 0;
  }
  for (const Json& target : targets) {
    session.out.line(session.out.bold(json::string_or(target, "name")) + "  " +
                     json::string_or(target, "description"));
    for (const Json& option : target["options"]) {
      const std::string fallback = json::string_or(option, "default");
      session.out.line(fmt::format("  --option {}={}{}  {}", json::string_or(option, "name"),
                                   json::string_or(option, "values"),
                                   fallback.empty() ? "" : " [" + fallback + "]",
                                   session.out.dim(json::string_or(option, "description"))));
    }
  }
  return 0;
}

bool is_file(const std::string& name) {
  std::error_code ignored;
  return name == "-" || name.find('/') != std::string::npos || name.ends_with(".yaml") ||
         name.ends_with(".yml") || name.ends_with(".json") || fs::is_regular_file(name, ignored);
}

Result<Json> read_options(const CompileOptions& options) {
  Json given = Json::object();
  for (const std::string& one : options.options) {
    const std::size_t equals = one.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--option takes name=value, not \"{}\"", one));
    }
    given[one.substr(0, equals)] = one.substr(equals + 1);
  }
  if (!options.query_language.empty()) given["query-language"] = options.query_language;
  return given;
}

Result<Json> compiled(Connection& connection, const CompileOptions& options) {
  AE_TRY(const Json given, read_options(options));
  if (!is_file(options.workflow)) {
    std::vector<std::string> pairs;
    for (const auto& one : given.items()) {
      pairs.push_back(one.key() + "=" + one.value().get<std::string>());
    }
    std::string target = fmt::format(
        "/v1/workflows/{}/compiled/{}?options={}", net::percent_encode(options.workflow),
        net::percent_encode(options.target), net::percent_encode(join(pairs, ",")));
    if (options.version > 0) target += fmt::format("&version={}", options.version);
    return get_json(connection, target);
  }
  AE_TRY(const std::string text, read_text(options.workflow));
  AE_TRY(Json document, json::parse_yaml(text));
  // A plan (ae plan -o yaml) holds the workflow in a member.
  if (const Json* inner = json::find(document, "workflow");
      inner != nullptr && json::find(document, "kind") == nullptr) {
    document = Json(*inner);
  }
  return post_json(
      connection, "/v1/workflows/compile",
      Json{{"workflow", std::move(document)}, {"target", options.target}, {"options", given}});
}

// Paths come from the server: they stay below the folder.
Result<fs::path> place_of(const fs::path& folder, const std::string& path) {
  const fs::path relative(path);
  const bool inside = !path.empty() && relative.is_relative() &&
                      std::ranges::none_of(relative, [](const fs::path& part) {
                        return part == ".." || part == ".";
                      });
  if (!inside) {
    return fail(ErrorCode::kInternal,
                fmt::format("the server names the file \"{}\", which is not below the folder",
                            printable(shorten(path, 200))));
  }
  return folder / relative;
}

Result<void> make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return {};
  return fail(ErrorCode::kPermissionDenied,
              fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
}

// Copies the code of a pinned version out of the home folder. False when it is not there: a layer,
// or the home of another machine.
Result<bool> copy_code(const Session& session, const Json& folder, const fs::path& destination) {
  const Json* layer = json::find(folder, "layer");
  if (layer != nullptr && *layer != 0) return false;
  const fs::path source = session.environment.config.home / "code" /
                          json::string_or(folder, "function") / json::string_or(folder, "version");
  std::error_code error;
  if (!fs::is_directory(source, error)) return false;
  AE_CHECK(make_folder(destination));
  fs::copy(source, destination,
           fs::copy_options::recursive | fs::copy_options::overwrite_existing |
               fs::copy_options::copy_symlinks,
           error);
  if (!error) return true;
  return fail(ErrorCode::kInternal, fmt::format("cannot copy {} to {}: {}", source.string(),
                                                destination.string(), error.message()));
}

Result<void> write_into(const Session& session, const fs::path& folder, const Json& answer) {
  for (const Json& file : answer["files"]) {
    AE_TRY(const fs::path place, place_of(folder, json::string_or(file, "path")));
    AE_CHECK(make_folder(place.parent_path()));
    AE_CHECK(write_file_atomically(place, json::string_or(file, "text")));
    session.out.line(place.string());
  }
  for (const Json& code : answer["folders"]) {
    AE_TRY(const fs::path place, place_of(folder, json::string_or(code, "path")));
    AE_TRY(const bool copied, copy_code(session, code, place));
    if (copied) {
      session.out.line(place.string() + "/");
    } else {
      session.out.note(fmt::format("put the code of {} into {}/", json::string_or(code, "function"),
                                   place.string()));
    }
  }
  return {};
}

void print_files(const Output& out, const Json& files) {
  for (const Json& file : files) {
    out.heading(json::string_or(file, "path"));
    out.line(printable(trim(json::string_or(file, "text"))));
  }
}

}  // namespace

Result<int> compile(const Session& session, const CompileOptions& options) {
  AE_TRY(const auto connection, connect(session.environment));
  if (options.list) return list_targets(session, *connection);
  if (options.workflow.empty() || options.target.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "compile takes a workflow and --target; ae compile --list shows the targets");
  }
  AE_TRY(const Json answer, compiled(*connection, options));
  if (options.output == "json" || options.output == "yaml" || !session.out.text()) {
    Output(options.output == "yaml" || session.out.format() == Format::kYaml ? Format::kYaml
                                                                             : Format::kJson)
        .document(answer);
    return 0;
  }
  for (const Json& found : answer["diagnostics"]) {
    session.out.note(fmt::format("{}: {}; {}", session.out.warn(json::string_or(found, "code")),
                                 printable(json::string_or(found, "message")),
                                 printable(json::string_or(found, "fix"))));
  }
  if (options.explain) {
    for (const Json& why : answer["explanations"]) {
      session.out.note("- " + printable(why.get<std::string>()));
    }
  }
  if (options.output == "-") {
    session.out.line(trim(json::string_or(answer["files"][0], "text")));
  } else if (options.output.empty()) {
    if (!options.explain) print_files(session.out, answer["files"]);
  } else {
    AE_CHECK(write_into(session, options.output, answer));
  }
  return 0;
}

}  // namespace ae::cli
