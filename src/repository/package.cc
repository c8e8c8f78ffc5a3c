#include "repository/package.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "repository/internal/code_files.h"
#include "repository/sidecar.h"

namespace ae::repository {
namespace fs = std::filesystem;
namespace {

constexpr int kMaxDepth = 4;
constexpr std::size_t kMaxEntriesSearched = 200'000;  // "find ." in a home folder is a mistake
constexpr std::size_t kMaxFindingsShown = 5;

// Code files that make a folder without a sidecar a package, and the handler each stands for.
struct EntryPoint {
  std::string_view file;
  std::string_view handler;
};
constexpr std::array kEntryPoints = {
    EntryPoint{"lambda_function.py", "lambda_function.lambda_handler"},
    EntryPoint{"app.py", "app.lambda_handler"}};

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_package(const fs::path& folder) {
  return is_file(folder / internal::kSidecarName) ||
         std::ranges::any_of(kEntryPoints,
                             [&](const EntryPoint& entry) { return is_file(folder / entry.file); });
}

std::string describe(const std::vector<dag::Diagnostic>& diagnostics) {
  std::vector<std::string> lines;
  for (const dag::Diagnostic& finding : diagnostics) {
    if (finding.severity != dag::Severity::kError) continue;
    if (lines.size() == kMaxFindingsShown) {
      lines.emplace_back("and more");
      break;
    }
    lines.push_back(fmt::format("{}{}{}; {}", finding.pointer, finding.pointer.empty() ? "" : ": ",
                                finding.message, finding.fix));
  }
  return join(lines, "\n  ");
}

Result<dag::FunctionSpec> spec_from_sidecar(const fs::path& file, const Json& document) {
  ParsedSidecar parsed = read_sidecar(document);
  if (dag::has_errors(parsed.diagnostics)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}:\n  {}", file.string(), describe(parsed.diagnostics)));
  }
  return std::move(parsed.spec);
}

Result<dag::FunctionSpec> spec_without_sidecar(const fs::path& folder) {
  const auto entry = std::ranges::find_if(
      kEntryPoints, [&](const EntryPoint& candidate) { return is_file(folder / candidate.file); });
  if (entry == kEntryPoints.end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{} is no function: it has neither function.yaml nor "
                            "lambda_function.py nor app.py",
                            folder.string()));
  }
  dag::FunctionSpec spec;
  spec.name = folder.filename().string();
  if (!is_function_name(spec.name)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the folder's name \"{}\" cannot be a function's name; rename it (at "
                            "most 63 letters, digits, '_' and '-') or add a function.yaml with a "
                            "name",
                            shorten(spec.name, 80)));
  }
  spec.binding = dag::LocalPackage{
      .folder = "", .handler = std::string(entry->handler), .runtime = "python3.11"};
  return spec;
}

// The file that the handler names must be there: a typing error is found now, not at the first
// call.
Result<void> check_handler(const fs::path& folder, const dag::LocalPackage& package) {
  if (!package.runtime.starts_with("python")) return {};
  std::string module = package.handler.substr(0, package.handler.rfind('.'));
  std::ranges::replace(module, '.', '/');
  if (is_file(folder / (module + ".py")) || is_file(folder / module / "__init__.py")) return {};
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: the handler \"{}\" needs the file {}.py; add it or correct \"handler\"",
                  (folder / internal::kSidecarName).string(), package.handler, module));
}

class Finder {
 public:
  Result<void> search(const fs::path& folder, int depth) {
    if (is_package(folder)) {
      found_.push_back(folder);
      return {};
    }
    if (depth == kMaxDepth) return {};
    std::error_code error;
    fs::directory_iterator entries(folder, fs::directory_options::skip_permission_denied, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      if (++searched_ > kMaxEntriesSearched) {
        return fail(
            ErrorCode::kResourceExhausted,
            fmt::format("more than {} files to search; name a folder nearer to the functions",
                        kMaxEntriesSearched));
      }
      std::error_code ignored;
      if (internal::is_left_out(entries->path().filename().string()) ||
          entries->is_symlink(ignored) || !entries->is_directory(ignored)) {
        continue;
      }
      AE_CHECK(search(entries->path(), depth + 1));
    }
    if (error) {
      return fail(ErrorCode::kInternal,
                  fmt::format("cannot list {}: {}", folder.string(), error.message()));
    }
    return {};
  }

  std::vector<fs::path> take() && {
    std::ranges::sort(found_);
    return std::move(found_);
  }

 private:
  std::vector<fs::path> found_;
  std::size_t searched_ = 0;
};

Result<fs::path> existing_folder(const fs::path& path) {
  std::error_code error;
  fs::path folder = fs::canonical(path, error);
  if (error) {
    return fail(
        error == std::errc::permission_denied ? ErrorCode::kPermissionDenied : ErrorCode::kNotFound,
        fmt::format("cannot open the folder {}: {}", path.string(), error.message()));
  }
  if (!fs::is_directory(folder, error)) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} is no folder; name the folder that holds the function", path.string()));
  }
  return folder;
}

}  // namespace

Result<Package> read_package(const fs::path& folder, const PackageLimits& limits) {
  AE_TRY(fs::path root, existing_folder(folder));
  // First, because it refuses links: nothing below follows one out of the folder.
  AE_TRY(const auto files, internal::list_code(root, limits));
  AE_TRY(const std::optional<Json> sidecar, internal::read_sidecar_document(root));
  AE_TRY(dag::FunctionSpec spec, sidecar
                                     ? spec_from_sidecar(root / internal::kSidecarName, *sidecar)
                                     : spec_without_sidecar(root));
  auto& package = std::get<dag::LocalPackage>(spec.binding);
  AE_CHECK(check_handler(root, package));
  package.folder = root.string();
  AE_TRY(spec.version, internal::version_of(root, files, sidecar, spec.name));
  return Package{.folder = std::move(root), .spec = std::move(spec)};
}

Result<std::vector<fs::path>> find_packages(const fs::path& root) {
  AE_TRY(const fs::path folder, existing_folder(root));
  Finder finder;
  AE_CHECK(finder.search(folder, 0));
  return std::move(finder).take();
}

}  // namespace ae::repository
