// Settings, typed, read once: flags > environment > .env > ae.yaml > defaults.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "faas/faas_engine.h"

namespace ae::cli {

struct Config {
  std::filesystem::path home;                   // AE_HOME, --home
  std::string host = "127.0.0.1";               // AE_HOST, --host
  std::uint16_t port = 8000;                    // AE_PORT, --port
  log::Level log_level = log::Level::kWarning;  // AE_LOG_LEVEL: debug, info, warning, error, off
  // AE_WORKERS: function processes at once. With fewer than the functions that are busy together
  // want, workers are replaced over and over, each time at the price of a cold start.
  std::size_t workers = 32;
  std::filesystem::path python = "/usr/bin/python3";  // AE_PYTHON
  std::filesystem::path node = "/usr/bin/node";       // AE_NODE
  // AE_STRICT_RUNTIMES, --strict-runtimes: a function that is declared for another version of its
  // language than the installed one is refused, instead of a warning.
  bool strict_runtimes = false;
  // AE_SANDBOX: auto, require or off
  faas::SandboxMode sandbox = faas::SandboxMode::kAuto;
  // AE_SECRETS_KEY: the key of the secrets (64 hexadecimal digits), or the file that holds it
  std::string secrets_key;
  std::filesystem::path packs;  // AE_PACKS: the bundled functions; found beside the program
};

struct Setting {
  std::string_view key;          // in ae.yaml: "port"
  std::string_view environment;  // "AE_PORT"
  std::string_view help;
};
// Every setting, in the order of Config; also what `ae init` writes into ae.yaml, commented out.
const std::vector<Setting>& settings();

struct ConfigSources {
  std::map<std::string, std::string> flags;  // by Setting::key
  std::function<std::optional<std::string>(std::string_view)> environment;
  std::filesystem::path working_folder;  // where .env is looked for
  std::filesystem::path program;         // the executable, for the default of packs
};

// ae.yaml is read from the home folder, .env from the working folder; both may be absent.
// Errors: kInvalidArgument naming the source, the key and the allowed values (a wrong value is
// never replaced by a default), also for an unknown key in ae.yaml or an AE_… name in .env.
Result<Config> load_config(const ConfigSources& sources);

// "KEY=value" lines; # comments; optional `export`; '…' literal, "…" with \n \" \\ escapes.
// Errors: kInvalidArgument with the line number.
Result<std::map<std::string, std::string>> parse_dotenv(std::string_view text);

}  // namespace ae::cli
