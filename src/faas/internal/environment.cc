#include "faas/internal/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <string_view>
#include <variant>

#include "base/hash.h"
#include "base/id.h"
#include "base/text.h"
#include "net/http_message.h"

namespace ae::faas {
namespace {

// Lambda's list of reserved variables, those of it that can occur here.
bool is_reserved(std::string_view name) {
  return name.starts_with("AWS_LAMBDA_") || name.starts_with("LAMBDA_") || name == "_HANDLER" ||
         name == "_X_AMZN_TRACE_ID" || name == "AWS_REGION" || name == "AWS_DEFAULT_REGION" ||
         name == "AWS_EXECUTION_ENV" || name == "AE_STATE_DIR" || name == "AE_RUNTIME_SOCKET";
}

bool is_possible(std::string_view name, std::string_view value) {
  return !name.empty() && name.find('=') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos && value.find('\0') == std::string_view::npos;
}

// Where the system's own libraries are, which come before a package's, as on Lambda.
#if defined(__x86_64__)
constexpr const char* kSystemLibraries = "/lib64:/usr/lib64:/usr/lib/x86_64-linux-gnu";
#elif defined(__aarch64__)
constexpr const char* kSystemLibraries = "/lib64:/usr/lib64:/usr/lib/aarch64-linux-gnu";
#else
constexpr const char* kSystemLibraries = "/lib64:/usr/lib64";
#endif

using Entries = std::map<std::string, std::string>;

std::string join_paths(std::vector<std::string> paths) { return join(paths, ":"); }

// What Lambda sets so that a language finds the package's and the layers' libraries.
void add_search_paths(const dag::LocalPackage& package, const WorkerPlace& place, Entries& all) {
  const std::string task = place.task_folder.string();
  const std::string runtime = place.runtime_folder.string();
  std::vector<std::string> libraries{kSystemLibraries, runtime, runtime + "/lib", task,
                                     task + "/lib"};
  std::vector<std::string> programs{"/usr/local/bin", "/usr/bin", "/bin"};
  std::vector<std::string> python;
  std::vector<std::string> node;
  // "python3.11" -> python/lib/python3.11/site-packages; "nodejs20.x" -> nodejs/node20
  const std::string& name = package.runtime;
  const std::string node_version =
      "node" + name.substr(std::min<std::size_t>(6, name.size()), name.find('.') - 6);
  for (const std::filesystem::path& path : place.layers) {
    const std::string layer = path.string();
    libraries.push_back(layer + "/lib");
    programs.push_back(layer + "/bin");
    python.push_back(layer + "/python/lib/" + name + "/site-packages");
    python.push_back(layer + "/python");
    node.push_back(layer + "/nodejs/" + node_version + "/node_modules");
    node.push_back(layer + "/nodejs/node_modules");
  }
  python.push_back(runtime);
  node.push_back(runtime + "/node_modules");
  all["LD_LIBRARY_PATH"] = join_paths(std::move(libraries));
  all["PATH"] = join_paths(std::move(programs));
  if (name.starts_with("python3")) all["PYTHONPATH"] = join_paths(std::move(python));
  if (name.starts_with("nodejs")) all["NODE_PATH"] = join_paths(std::move(node));
}

std::string log_stream(WallTime now) {
  return fmt::format(
      "{}/[$LATEST]{}",
      [&] {
        std::string day = to_rfc3339(now).substr(0, 10);
        std::ranges::replace(day, '-', '/');
        return day;
      }(),
      sha256_hex(new_id("worker")).substr(0, 32));
}

}  // namespace

std::string socket_entry(const std::string& socket) { return "AE_RUNTIME_SOCKET=" + socket; }

std::string function_arn(const std::string& name) {
  return fmt::format("arn:aws:lambda:{}:000000000000:function:{}", kRegion, name);
}

std::string trace_header(const std::string& run_id, const std::string& request_id) {
  const std::string root = sha256_hex(run_id.empty() ? request_id : run_id);
  return fmt::format("Root=1-{}-{};Parent={};Sampled=0", root.substr(0, 8), root.substr(8, 24),
                     sha256_hex(request_id).substr(0, 16));
}

std::string folder_name(const std::string& function_name) {
  std::string name = net::percent_encode(function_name);
  if (name.empty() || name == "." || name == "..") name = "%" + name;
  return name;
}

std::vector<std::string> worker_environment(const dag::FunctionSpec& function,
                                            const WorkerPlace& place, WallTime now) {
  static const dag::LocalPackage kNoPackage;
  const auto* found = std::get_if<dag::LocalPackage>(&function.binding);
  const dag::LocalPackage& package = found != nullptr ? *found : kNoPackage;
  Entries all{
      {"AWS_LAMBDA_RUNTIME_API", place.api_address},
      {"_HANDLER", package.handler},
      {"LAMBDA_TASK_ROOT", place.task_folder.string()},
      {"LAMBDA_RUNTIME_DIR", place.runtime_folder.string()},
      {"AWS_LAMBDA_FUNCTION_NAME", function.name},
      {"AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"},
      {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", std::to_string(function.runtime.memory_mb)},
      {"AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/" + function.name},
      {"AWS_LAMBDA_LOG_STREAM_NAME", log_stream(now)},
      {"AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"},
      {"AWS_REGION", kRegion},
      {"AWS_DEFAULT_REGION", kRegion},
      {"TZ", ":UTC"},
      {"LANG", "en_US.UTF-8"},
      {"AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"},
      {"AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000"},
      {"AE_STATE_DIR", place.state_folder.string()},
      {"AE_RUNTIME_SOCKET", place.socket},
  };
  // Lambda's OS-only runtimes leave it to the package to say what it is.
  if (!package.runtime.starts_with("provided")) {
    all["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + package.runtime;
  }
  add_search_paths(package, place, all);
  for (const auto& [name, value] : function.runtime.environment) {
    if (!is_reserved(name) && is_possible(name, value)) all[name] = value;
  }
  std::vector<std::string> entries;
  entries.reserve(all.size());
  for (const auto& [name, value] : all) entries.push_back(name + "=" + value);
  return entries;
}

}  // namespace ae::faas
