#include "cli/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/file.h"
#include "base/text.h"
#include "json/yaml.h"

namespace ae::cli {
namespace {

struct Sourced {
  std::string value;
  std::string origin;  // "--port", "AE_PORT", ".env", "ae.yaml"
};

std::unexpected<Error> bad(const Sourced& given, std::string_view key, std::string_view expected) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}: \"{}\" is not a valid {}; expected {}",
                                                       given.origin, given.value, key, expected));
}

Result<std::uint64_t> parse_number(const Sourced& given, std::string_view key, std::uint64_t low,
                                   std::uint64_t high) {
  std::uint64_t number = 0;
  const char* end = given.value.data() + given.value.size();
  const auto [stop, error] = std::from_chars(given.value.data(), end, number);
  if (error != std::errc{} || stop != end || number < low || number > high) {
    return bad(given, key, fmt::format("a whole number from {} to {}", low, high));
  }
  return number;
}

Result<log::Level> parse_level(const Sourced& given) {
  static const std::map<std::string_view, log::Level> kLevels{{"debug", log::Level::kDebug},
                                                              {"info", log::Level::kInfo},
                                                              {"warning", log::Level::kWarning},
                                                              {"error", log::Level::kError},
                                                              {"off", log::Level::kOff}};
  const auto found = kLevels.find(given.value);
  if (found == kLevels.end()) return bad(given, "log_level", "debug, info, warning, error or off");
  return found->second;
}

Result<faas::SandboxMode> parse_sandbox(const Sourced& given) {
  if (given.value == "auto") return faas::SandboxMode::kAuto;
  if (given.value == "require") return faas::SandboxMode::kRequire;
  if (given.value == "off") return faas::SandboxMode::kOff;
  return bad(given, "sandbox", "auto, require or off");
}

Result<bool> parse_truth(const Sourced& given, std::string_view key) {
  if (given.value == "true" || given.value == "1") return true;
  if (given.value == "false" || given.value == "0") return false;
  return bad(given, key, "true or false");
}

Result<void> set(Config& config, std::string_view key, const Sourced& given) {
  if (key == "host") {
    config.host = given.value;
  } else if (key == "port") {
    AE_TRY(const auto port, parse_number(given, key, 0, std::numeric_limits<std::uint16_t>::max()));
    config.port = static_cast<std::uint16_t>(port);
  } else if (key == "log_level") {
    AE_TRY(config.log_level, parse_level(given));
  } else if (key == "workers") {
    AE_TRY(config.workers, parse_number(given, key, 1, 1024));
  } else if (key == "python") {
    config.python = given.value;
  } else if (key == "node") {
    config.node = given.value;
  } else if (key == "strict_runtimes") {
    AE_TRY(config.strict_runtimes, parse_truth(given, key));
  } else if (key == "sandbox") {
    AE_TRY(config.sandbox, parse_sandbox(given));
  } else if (key == "secrets_key") {
    config.secrets_key = given.value;
  } else if (key == "packs") {
    config.packs = given.value;
  }
  return {};
}

std::vector<std::string> setting_keys() {
  std::vector<std::string> keys;
  for (const Setting& setting : settings()) keys.emplace_back(setting.key);
  return keys;
}

std::string did_you_mean(std::string_view wanted, const std::vector<std::string>& known) {
  const std::string near = nearest(wanted, known);
  return near.empty() ? fmt::format("; known: {}", join(known, ", "))
                      : fmt::format("; did you mean {}?", near);
}

// ae.yaml as strings by key.
Result<std::map<std::string, std::string>> read_yaml(const std::filesystem::path& path) {
  std::map<std::string, std::string> values;
  const auto text = read_file(path);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) return values;
    return fail(text.error());
  }
  const auto says_something = [](std::string_view line) {
    line = trim(line);
    return !line.empty() && line.front() != '#';
  };
  if (std::ranges::none_of(split(*text, '\n'), says_something)) return values;
  auto document = json::parse_yaml(*text);
  if (!document) return annotate(std::move(document.error()), "reading " + path.string());
  if (!document->is_object()) {
    return fail(ErrorCode::kInvalidArgument,
                path.string() + ": expected \"key: value\" lines, such as port: 8000");
  }
  const auto known = setting_keys();
  for (const auto& [key, value] : document->items()) {
    if (std::ranges::find(known, key) == known.end() || key == "home") {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: unknown setting \"{}\"{}", path.string(), key,
                              did_you_mean(key, known)));
    }
    if (value.is_object() || value.is_array() || value.is_null()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {} must be a single value", path.string(), key));
    }
    values[key] = value.is_string() ? value.get<std::string>() : json::dump(value);
  }
  return values;
}

Result<std::map<std::string, std::string>> read_dotenv(const std::filesystem::path& path) {
  const auto text = read_file(path);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) return std::map<std::string, std::string>{};
    return fail(text.error());
  }
  auto values = parse_dotenv(*text);
  if (!values) return annotate(std::move(values.error()), "reading " + path.string());
  std::vector<std::string> known;
  for (const Setting& setting : settings()) known.emplace_back(setting.environment);
  for (const auto& [name, value] : *values) {
    if (name.starts_with("AE_") && std::ranges::find(known, name) == known.end()) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: unknown setting {}{}", path.string(), name, did_you_mean(name, known)));
    }
  }
  return values;
}

std::filesystem::path default_home(const ConfigSources& sources) {
  const auto home = sources.environment("HOME");
  return std::filesystem::path(home.value_or("/tmp")) / ".action-engine";
}

// Never in the home folder: whoever copies that has no secrets.
std::string default_secrets_key(const ConfigSources& sources) {
  std::filesystem::path folder = sources.environment("XDG_CONFIG_HOME").value_or("");
  if (!folder.is_absolute()) {
    folder =
        std::filesystem::path(sources.environment("HOME").value_or("/nonexistent")) / ".config";
  }
  return (folder / "action-engine" / "secrets.key").string();
}

// Beside an installed program, else in the build folder that holds it.
std::filesystem::path default_packs(const std::filesystem::path& program) {
  const auto folder = program.parent_path();
  for (const auto& candidate : {folder / "../share/action-engine/functions", folder / "packs"}) {
    std::error_code error;
    const auto canonical = std::filesystem::canonical(candidate, error);
    if (!error && std::filesystem::is_directory(canonical, error)) return canonical;
  }
  return {};
}

std::optional<Sourced> pick(const Setting& setting, const ConfigSources& sources,
                            const std::map<std::string, std::string>& dotenv,
                            const std::map<std::string, std::string>& yaml) {
  const std::string key(setting.key);
  if (const auto flag = sources.flags.find(key); flag != sources.flags.end()) {
    std::string name = key;
    std::ranges::replace(name, '_', '-');
    return Sourced{flag->second, "--" + name};
  }
  const std::string variable(setting.environment);
  if (const auto value = sources.environment(variable)) return Sourced{*value, variable};
  if (const auto value = dotenv.find(variable); value != dotenv.end()) {
    return Sourced{value->second, variable + " in .env"};
  }
  if (const auto value = yaml.find(key); value != yaml.end()) {
    return Sourced{value->second, key + " in ae.yaml"};
  }
  return std::nullopt;
}

Result<std::string> unquote(std::string_view text, std::size_t line) {
  if (text.size() < 2 || (text.front() != '"' && text.front() != '\'')) {
    // An unquoted value ends at " #".
    const std::size_t comment = text.find(" #");
    return std::string(trim(text.substr(0, comment)));
  }
  const char quote = text.front();
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == quote) {
      const std::string_view rest = trim(text.substr(i + 1));
      if (!rest.empty() && rest.front() != '#') break;
      return value;
    }
    if (quote == '"' && text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      value += text[i] == 'n' ? '\n' : text[i];
    } else {
      value += text[i];
    }
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("line {}: the value's quote {} is not closed properly", line, quote));
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> kSettings{
      {"home", "AE_HOME", "folder that holds functions, workflows and runs"},
      {"host", "AE_HOST", "address to listen on; 127.0.0.1 is this machine only"},
      {"port", "AE_PORT", "port to listen on; 0 picks a free one"},
      {"log_level", "AE_LOG_LEVEL", "debug, info, warning, error or off"},
      {"workers", "AE_WORKERS", "function processes at once"},
      {"python", "AE_PYTHON", "interpreter that runs Python functions"},
      {"node", "AE_NODE", "program that runs Node functions"},
      {"strict_runtimes", "AE_STRICT_RUNTIMES",
       "true: refuse functions declared for another version of their language"},
      {"sandbox", "AE_SANDBOX", "shut functions in: auto (as far as possible), require or off"},
      {"secrets_key", "AE_SECRETS_KEY", "key of the secrets, or the file that holds it"},
      {"packs", "AE_PACKS", "folder of the bundled functions"},
  };
  return kSettings;
}

Result<std::map<std::string, std::string>> parse_dotenv(std::string_view text) {
  std::map<std::string, std::string> values;
  std::size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    if (line.starts_with("export ")) line = trim(line.substr(7));
    const std::size_t equals = line.find('=');
    const std::string_view name = trim(line.substr(0, equals));
    const bool valid_name = !name.empty() && (name.front() < '0' || name.front() > '9') &&
                            std::ranges::all_of(name, [](char c) {
                              return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                                     (c >= '0' && c <= '9');
                            });
    if (equals == std::string_view::npos || !valid_name) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("line {}: expected NAME=value, found \"{}\"", number, shorten(line, 60)));
    }
    AE_TRY(values[std::string(name)], unquote(trim(line.substr(equals + 1)), number));
  }
  return values;
}

Result<Config> load_config(const ConfigSources& sources) {
  AE_TRY(const auto dotenv, read_dotenv(sources.working_folder / ".env"));
  Config config;
  config.packs = default_packs(sources.program);
  config.secrets_key = default_secrets_key(sources);

  // The home folder first: ae.yaml is in it, so it cannot be set there.
  config.home = default_home(sources);
  if (const auto home = pick(settings().front(), sources, dotenv, {})) {
    if (home->value.empty()) return bad(*home, "home", "a folder");
    config.home = home->value;
  }
  std::error_code error;
  config.home = std::filesystem::absolute(config.home, error).lexically_normal();

  AE_TRY(const auto yaml, read_yaml(config.home / "ae.yaml"));
  for (const Setting& setting : settings()) {
    if (setting.key == "home") continue;
    if (const auto given = pick(setting, sources, dotenv, yaml)) {
      AE_CHECK(set(config, setting.key, *given));
    }
  }
  return config;
}

}  // namespace ae::cli
