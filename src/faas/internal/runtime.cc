#include "faas/internal/runtime.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>
#include <variant>

#include "base/file.h"
#include "base/log.h"
#include "faas/internal/interpreter.h"
#include "faas/internal/shims.h"

namespace ae::faas {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPythonShim = "python_runtime.py";
constexpr const char* kNodeShim = "node_runtime.cjs";
constexpr Version kOldestPython{.major = 3, .minor = 9};
constexpr Version kOldestNode{.major = 18, .minor = 0};  // Debian 12's
// Measured: Node 20 writes to 40 MB and maps 110 MB of thread stacks and code space to be written.
constexpr std::int64_t kNodeMemoryMb = 192;
// V8's share of the function's memory, as Lambda divides it.
constexpr double kNodeOldSpace = 0.9;
constexpr double kNodeSemiSpace = 0.05;

std::unexpected<Error> unsupported(const dag::FunctionSpec& function, std::string_view why) {
  return fail(ErrorCode::kFailedPrecondition, fmt::format("function {}: {}", function.name, why));
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// How to come by a runtime that is none of ours.
std::string how_to_run(std::string_view runtime) {
  if (runtime.starts_with("go1")) {
    return "build the program as an executable `bootstrap` and declare the runtime provided.al2023";
  }
  return "pack it with an executable `bootstrap` that starts its own language, and declare the "
         "runtime provided.al2023; Python (python3.x) and Node (nodejs20.x) run as they are";
}

// "a/b.handler" -> <folder>/a/b.py or the package <folder>/a/b/
bool python_module_exists(const dag::LocalPackage& package) {
  std::string module = package.handler.substr(0, package.handler.rfind('.'));
  std::ranges::replace(module, '.', '/');
  const fs::path base = fs::path(package.folder) / module;
  std::error_code error;
  return is_there(base.string() + ".py") || fs::is_directory(base, error);
}

// "a/b.handler.inner" -> <folder>/a/b.{js,mjs,cjs}
bool node_module_exists(const dag::LocalPackage& package) {
  const fs::path handler = package.handler;
  const std::string name = handler.filename().string();
  const fs::path base =
      fs::path(package.folder) / handler.parent_path() / name.substr(0, name.find('.'));
  return std::ranges::any_of(std::array{"", ".js", ".mjs", ".cjs"}, [&](const char* extension) {
    return is_there(base.string() + extension);
  });
}

struct Interpreter {
  fs::path program;
  const char* language;
  const char* variable;  // which names another program
  const char* package;   // Debian's
  Version oldest;
};

Interpreter interpreter_of(const FaasOptions& options, Language language) {
  if (language == Language::kNode) {
    return {options.node, "Node", "AE_NODE", "nodejs", kOldestNode};
  }
  return {options.python, "Python", "AE_PYTHON", "python3", kOldestPython};
}

void warn_once(const std::string& text) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  if (said.insert(text).second) log::warning("{}", text);
}

Result<void> check_interpreter(const FaasOptions& options, const dag::FunctionSpec& function,
                               const std::string& runtime, Language language) {
  const Interpreter wanted = interpreter_of(options, language);
  const Result<std::optional<Version>> found = version_of(wanted.program);
  if (!found) {
    return unsupported(
        function, fmt::format("it needs {} (runtime {}), but {}; install it with `apt-get install "
                              "-y {}`, or name another one with {}",
                              wanted.language, runtime, found.error().message, wanted.package,
                              wanted.variable));
  }
  const std::optional<Version>& version = *found;
  if (!version) {
    if (!options.strict_runtimes) return {};
    return unsupported(function, fmt::format("{} does not say which version it is, and strict "
                                             "runtimes need to know",
                                             wanted.program.string()));
  }
  if (*version < wanted.oldest) {
    return unsupported(
        function,
        fmt::format("{} is {} {}.{}, and {}.{} is the oldest that can run functions; install a "
                    "newer one and name it with {}",
                    wanted.program.string(), wanted.language, version->major, version->minor,
                    wanted.oldest.major, wanted.oldest.minor, wanted.variable));
  }
  const std::optional<Version> declared = parse_version(runtime);
  // Node's minor versions are compatible, and Lambda's names do not tell them apart.
  const bool same = !declared || runtime == "python3" ||
                    (declared->major == version->major &&
                     (language == Language::kNode || declared->minor == version->minor));
  if (same) return {};
  const std::string installed = language == Language::kNode
                                    ? fmt::format("Node {}", version->major)
                                    : fmt::format("Python {}.{}", version->major, version->minor);
  if (options.strict_runtimes) {
    return unsupported(function,
                       fmt::format("it declares {}, and {} is {}; with strict runtimes both must "
                                   "be the same: name the right one with {}",
                                   runtime, wanted.program.string(), installed, wanted.variable));
  }
  warn_once(fmt::format("functions declared for {} run on {} here", runtime, installed));
  return {};
}

Result<void> check_code(const dag::FunctionSpec& function, const dag::LocalPackage& package,
                        Language language) {
  std::error_code error;
  if (!fs::is_directory(package.folder, error)) {
    return unsupported(
        function, fmt::format("its folder {} is missing; add the function again", package.folder));
  }
  if (language == Language::kCustom) {
    const fs::path bootstrap = fs::path(package.folder) / "bootstrap";
    if (!is_there(bootstrap)) {
      return unsupported(function, fmt::format("its folder {} has no file `bootstrap`, which its "
                                               "runtime {} starts",
                                               package.folder, package.runtime));
    }
    if (::access(bootstrap.c_str(), X_OK) != 0) {
      return unsupported(function, fmt::format("{} is not executable; `chmod +x` it before it is "
                                               "packed",
                                               bootstrap.string()));
    }
    return {};
  }
  const bool found =
      language == Language::kPython ? python_module_exists(package) : node_module_exists(package);
  if (found) return {};
  return unsupported(function, fmt::format("its folder {} has no module for the handler \"{}\"",
                                           package.folder, package.handler));
}

// Does the package bring AWS's client, compiled for this Python?
bool brings_awslambdaric(const FaasOptions& options, const dag::LocalPackage& package) {
  const fs::path folder = package.folder;
  if (!is_there(folder / "awslambdaric" / "__main__.py")) return false;
  const Result<std::optional<Version>> version = version_of(options.python);
  if (!version || !*version) return false;
  const std::string abi = fmt::format(".cpython-{}{}-", (*version)->major, (*version)->minor);
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("runtime_client.") &&
        (name.find(abi) != std::string::npos || name.find(".abi3.") != std::string::npos)) {
      return true;
    }
  }
  return false;
}

RuntimeCommand python_command(const FaasOptions& options, const dag::LocalPackage& package,
                              const WorkerPlace& place) {
  // -s: no packages of the server's user. -S: see the shim. -B: the package's folder stays as it
  // is.
  if (brings_awslambdaric(options, package)) {
    return {
        .arguments = {options.python.string(), "-s", "-B", "-m", "awslambdaric", package.handler},
        .client = RuntimeClient::kForeign};
  }
  return {.arguments = {options.python.string(), "-s", "-S", "-B",
                        (place.runtime_folder / kPythonShim).string()}};
}

RuntimeCommand node_command(const FaasOptions& options, const dag::FunctionSpec& function,
                            const dag::LocalPackage& package, const WorkerPlace& place) {
  const auto memory = static_cast<double>(function.runtime.memory_mb);
  RuntimeCommand command;
  command.arguments = {options.node.string(),
                       fmt::format("--max-semi-space-size={}",
                                   std::max(1, static_cast<int>(memory * kNodeSemiSpace))),
                       fmt::format("--max-old-space-size={}",
                                   std::max(32, static_cast<int>(memory * kNodeOldSpace)))};
  command.extra_memory_mb = kNodeMemoryMb;
  const fs::path ric = fs::path("node_modules") / "aws-lambda-ric";
  // Its compiled part: that is missing where the package was installed without its scripts.
  if (is_there(package.folder / ric / "dist" / "rapid-client.node") &&
      is_there(package.folder / ric / "bin" / "index.mjs")) {
    command.arguments.push_back((place.task_folder / ric / "bin" / "index.mjs").string());
    command.arguments.push_back(package.handler);
    command.client = RuntimeClient::kForeign;
  } else {
    command.arguments.push_back((place.runtime_folder / kNodeShim).string());
  }
  return command;
}

}  // namespace

std::optional<Language> language_of(std::string_view runtime) {
  if (runtime.starts_with("python3")) return Language::kPython;
  if (runtime.starts_with("nodejs")) return Language::kNode;
  if (runtime.starts_with("provided")) return Language::kCustom;
  return std::nullopt;
}

Result<void> check_declaration(const dag::FunctionSpec& function) {
  if (std::holds_alternative<dag::HttpService>(function.binding)) return {};
  if (const auto* lambda = std::get_if<dag::LambdaFunction>(&function.binding)) {
    return unsupported(function, fmt::format("it is {} and runs only on AWS; compile the workflow "
                                             "for AWS, or add the function's package here",
                                             lambda->arn));
  }
  const auto& package = *std::get_if<dag::LocalPackage>(&function.binding);
  const std::optional<Language> language = language_of(package.runtime);
  if (!language) {
    return unsupported(function, fmt::format("its runtime \"{}\" cannot run here: {}",
                                             package.runtime, how_to_run(package.runtime)));
  }
  if (*language == Language::kCustom) return {};
  const std::size_t name = package.handler.rfind('/') + 1;  // 0 when there is none
  const std::size_t dot =
      *language == Language::kPython ? package.handler.rfind('.') : package.handler.find('.', name);
  if (dot == std::string::npos || dot <= name || dot + 1 == package.handler.size()) {
    return unsupported(
        function,
        fmt::format(
            "its handler \"{}\" must be written module.function, such as {}", package.handler,
            *language == Language::kPython ? "lambda_function.lambda_handler" : "index.handler"));
  }
  return {};
}

Result<void> check_runtime(const FaasOptions& options, const dag::FunctionSpec& function) {
  const auto* package = std::get_if<dag::LocalPackage>(&function.binding);
  const std::optional<Language> language =
      package != nullptr ? language_of(package->runtime) : std::nullopt;
  if (!language) return {};
  AE_CHECK(check_code(function, *package, *language));
  if (*language == Language::kCustom) return {};
  return check_interpreter(options, function, package->runtime, *language);
}

Result<RuntimeCommand> runtime_command(const FaasOptions& options,
                                       const dag::FunctionSpec& function,
                                       const WorkerPlace& place) {
  const auto* package = std::get_if<dag::LocalPackage>(&function.binding);
  if (package == nullptr) return unsupported(function, "it is no local package");
  AE_CHECK(check_declaration(function));
  const Language language = *language_of(package->runtime);
  if (language == Language::kCustom) {
    AE_CHECK(check_code(function, *package, language));
    return RuntimeCommand{.arguments = {(place.task_folder / "bootstrap").string()},
                          .client = RuntimeClient::kForeign};
  }
  AE_CHECK(check_interpreter(options, function, package->runtime, language));
  return language == Language::kPython ? python_command(options, *package, place)
                                       : node_command(options, function, *package, place);
}

Result<void> write_runtime_clients(const fs::path& folder) {
  AE_CHECK(write_file_atomically(folder / kPythonShim, kPythonRuntime));
  return write_file_atomically(folder / kNodeShim, kNodeRuntime);
}

}  // namespace ae::faas
