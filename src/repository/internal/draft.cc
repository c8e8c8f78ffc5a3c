#include "repository/internal/draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "repository/infer.h"
#include "repository/internal/archive.h"
#include "repository/internal/code_files.h"
#include "repository/internal/entry_point.h"
#include "repository/sidecar.h"

namespace ae::repository::internal {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxFindingsShown = 5;

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
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

Result<dag::FunctionSpec> spec_without_declaration(const Draft& draft) {
  const auto entry = find_entry_point(draft.folder);
  if (!entry) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{} is no function: it has neither function.yaml nor any of {}",
                            draft.folder.filename().string(), entry_point_names()));
  }
  if (!is_function_name(draft.name)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the name \"{}\" cannot be a function's name; rename the folder or zip "
                            "(at most 63 letters, digits, '_' and '-'), or add a function.yaml "
                            "with a name",
                            shorten(draft.name, 80)));
  }
  dag::FunctionSpec spec;
  spec.name = draft.name;
  spec.binding =
      dag::LocalPackage{.folder = "", .handler = entry->handler, .runtime = entry->runtime};
  return spec;
}

Result<dag::FunctionSpec> spec_of(const Draft& draft) {
  if (draft.declaration.is_null()) return spec_without_declaration(draft);
  SidecarDefaults defaults{.name = draft.name};
  if (!draft.folder.empty()) {
    const std::string runtime = json::string_or(draft.declaration, "runtime");
    if (const auto entry = find_entry_point(draft.folder, runtime)) {
      defaults.handler = entry->handler;
      defaults.runtime = entry->runtime;
    }
  }
  ParsedSidecar parsed = read_sidecar(draft.declaration, defaults);
  if (dag::has_errors(parsed.diagnostics)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}:\n  {}", draft.declared_in, describe(parsed.diagnostics)));
  }
  return std::move(parsed.spec);
}

// Replaces the layers' paths by folders and returns what each contains.
Result<std::vector<std::string>> resolve_layers(Draft& draft, dag::LocalPackage& code,
                                                Package& package, const PackageLimits& limits) {
  std::vector<std::string> contents;
  for (std::string& layer : code.layers) {
    auto path = confined(draft.layer_base, layer, draft.confines);
    if (!path) return annotate(std::move(path).error(), fmt::format("reading the layer {}", layer));
    if (is_file(*path)) {
      if (!draft.archives_allowed) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the layer {} is an archive inside an archive, which stays closed; "
                                "unpack it there",
                                layer));
      }
      AE_TRY(auto unpacked, unpack(*path, limits));
      path = fs::canonical(unpacked->path());
      package.unpacked.push_back(std::move(unpacked));
    }
    AE_TRY(const auto files, list_code(*path, limits));
    AE_TRY(std::string content, content_of(*path, files));
    contents.push_back(std::move(content));
    layer = path->string();
    package.layers.push_back(*std::move(path));
  }
  return contents;
}

}  // namespace

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

bool is_package(const fs::path& folder) {
  return is_file(folder / kSidecarName) || find_entry_point(folder).has_value();
}

fs::path sidecar_beside(const fs::path& package) {
  const fs::path name = package.extension() == ".zip" ? package.stem() : package.filename();
  return package.parent_path() / (name.string() + ".function.yaml");
}

Result<Draft> draft_of_folder(const fs::path& folder, const LoadOptions& options,
                              const fs::path& beside) {
  // First, because it refuses links: nothing below follows one out of the folder.
  AE_CHECK(list_code(folder, options.limits));
  Draft draft{.folder = folder,
              .name = options.name.empty() ? folder.filename().string() : options.name};
  for (const fs::path& file : {beside, folder / kSidecarName}) {
    if (file.empty()) continue;
    AE_TRY(auto document, read_yaml_file(file));
    if (!document) continue;
    draft.declaration = *std::move(document);
    draft.declared_in = file.string();
    draft.layer_base = file.parent_path();
    break;
  }
  return draft;
}

Result<std::shared_ptr<const TemporaryFolder>> unpack(const fs::path& archive,
                                                      const PackageLimits& limits) {
  auto folder = std::make_shared<const TemporaryFolder>("ae-package");
  AE_CHECK(unpack_zip(archive, folder->path(), limits));
  return folder;
}

Result<fs::path> confined(const fs::path& base, const std::string& relative,
                          const fs::path& confines) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(base / relative, error);
  const auto [differs, unused] = std::ranges::mismatch(confines, path);
  if (error || differs != confines.end()) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("\"{}\" lies outside of what was named; name the folder that holds "
                            "both",
                            shorten(relative, 120)));
  }
  if (!fs::exists(path, error)) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no \"{}\"", shorten(relative, 120)));
  }
  return path;
}

Result<Package> finish(Draft draft, const LoadOptions& options) {
  Package package{.folder = draft.folder};
  AE_TRY(package.spec, spec_of(draft));
  package.declaration = draft.declaration;
  package.notes = draft.notes;
  package.unpacked = draft.unpacked;
  Identity identity{.declaration = draft.declaration, .name = package.spec.name};
  auto* code = std::get_if<dag::LocalPackage>(&package.spec.binding);
  if (code == nullptr) {
    package.folder.clear();
    AE_TRY(package.spec.version, version_of({}, {}, identity));
    infer_what_is_undeclared(package, options.python);
    return package;
  }
  if (draft.folder.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} describes a function without code; put it beside the code, or give "
                            "it a binding",
                            draft.declared_in));
  }
  AE_TRY(identity.layers, resolve_layers(draft, *code, package, options.limits));
  if (auto found = check_handler(draft.folder, *code); !found) {
    return draft.declared_in.empty()
               ? fail(std::move(found).error())
               : annotate(std::move(found).error(), fmt::format("reading {}", draft.declared_in));
  }
  code->folder = draft.folder.string();
  AE_TRY(const auto files, list_code(draft.folder, options.limits));
  AE_TRY(package.spec.version, version_of(draft.folder, files, identity));
  infer_what_is_undeclared(package, options.python);
  return package;
}

}  // namespace ae::repository::internal
