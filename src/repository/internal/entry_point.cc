#include "repository/internal/entry_point.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace ae::repository::internal {
namespace fs = std::filesystem;
namespace {

struct Known {
  std::string_view file;
  std::string_view handler;
  std::string_view runtime;
};
constexpr std::array kKnown = {
    Known{"bootstrap", "bootstrap", "provided.al2023"},
    Known{"lambda_function.py", "lambda_function.lambda_handler", "python3.11"},
    Known{"app.py", "app.lambda_handler", "python3.11"},
    Known{"index.mjs", "index.handler", "nodejs22.x"},
    Known{"index.cjs", "index.handler", "nodejs22.x"},
    Known{"index.js", "index.handler", "nodejs22.x"}};

constexpr std::size_t kMaxSourceBytes = 4UL << 20U;

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// "python3.11" -> "python"
std::string_view language_of(std::string_view runtime) {
  return runtime.substr(0, runtime.find_first_of("0123456789."));
}

bool defines(std::string_view source, std::string_view name) {
  for (const std::string_view line : split(source, '\n')) {
    for (const std::string_view keyword : {"def ", "async def ", ""}) {
      if (!line.starts_with(keyword)) continue;
      const std::string_view rest = line.substr(keyword.size());
      if (!rest.starts_with(name)) continue;
      const std::string_view after = trim(rest.substr(name.size()));
      if (after.starts_with(keyword.empty() ? '=' : '(')) return true;
    }
    // from x import y as lambda_handler
    if (line.starts_with("from ") && line.find(name) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

std::string entry_point_names() {
  std::vector<std::string> names;
  for (const Known& known : kKnown) names.emplace_back(known.file);
  return join(names, ", ");
}

std::optional<EntryPoint> find_entry_point(const fs::path& folder, std::string_view runtime) {
  for (const Known& known : kKnown) {
    if (!runtime.empty() && language_of(runtime) != language_of(known.runtime)) continue;
    if (!is_file(folder / known.file)) continue;
    EntryPoint found{.file = std::string(known.file),
                     .handler = std::string(known.handler),
                     .runtime = std::string(known.runtime)};
    if (known.handler.ends_with(".lambda_handler")) {
      const auto source = read_file(folder / known.file, kMaxSourceBytes);
      if (source && !defines(*source, "lambda_handler") && defines(*source, "handler")) {
        found.handler = found.handler.substr(0, found.handler.rfind('.')) + ".handler";
      }
    }
    return found;
  }
  return std::nullopt;
}

std::optional<fs::path> handler_file(const fs::path& folder, const dag::LocalPackage& package) {
  const std::string_view language = language_of(package.runtime);
  const std::size_t slash = package.handler.rfind('/');
  const std::size_t base = slash == std::string::npos ? 0 : slash + 1;
  if (language == "python") {
    std::string module = package.handler.substr(0, package.handler.rfind('.'));
    std::ranges::replace(module, '.', '/');
    for (const fs::path& file : {folder / (module + ".py"), folder / module / "__init__.py"}) {
      if (is_file(file)) return file;
    }
  } else if (language == "nodejs") {
    // Lambda's rule: what follows the first dot of the last part is the export's name.
    const std::string module = package.handler.substr(0, package.handler.find('.', base));
    for (const char* extension : {".js", ".mjs", ".cjs"}) {
      if (is_file(folder / (module + extension))) return folder / (module + extension);
    }
  }
  return std::nullopt;
}

Result<void> check_handler(const fs::path& folder, const dag::LocalPackage& package) {
  const std::string_view language = language_of(package.runtime);
  if (!package.layers.empty()) return {};  // a layer may hold it
  if (language == "provided") {
    struct stat status{};
    if (::stat((folder / "bootstrap").c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the runtime {} needs a program called bootstrap, and there is none; "
                              "add it at the top of the package",
                              package.runtime));
    }
    if ((status.st_mode & S_IXUSR) != 0) return {};
    return fail(ErrorCode::kInvalidArgument,
                "the file bootstrap is not executable; chmod +x bootstrap, and make the archive "
                "with a program that keeps it (zip does)");
  }
  if (language != "python" && language != "nodejs") return {};  // faas says what it can run
  if (handler_file(folder, package)) return {};
  const bool python = language == "python";
  std::string module = package.handler.substr(0, package.handler.rfind('.'));
  if (python) std::ranges::replace(module, '.', '/');
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("the handler \"{}\" needs the file {}{}; add it or correct \"handler\"{}",
                          package.handler, module, python ? ".py" : ".js, .mjs or .cjs",
                          python ? "" : " (is there a build step to run first?)"));
}

}  // namespace ae::repository::internal
