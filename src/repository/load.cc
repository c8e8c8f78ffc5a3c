// load_packages(): from a path to every function that is there.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "json/yaml.h"
#include "repository/internal/code_files.h"
#include "repository/internal/draft.h"
#include "repository/internal/entry_point.h"
#include "repository/internal/sam_template.h"
#include "repository/package.h"
#include "repository/sidecar.h"

namespace ae::repository {
namespace fs = std::filesystem;
namespace {

using internal::Draft;

constexpr int kMaxDepth = 4;
constexpr std::size_t kMaxEntriesSearched = 200'000;  // "find ." in a home folder is a mistake
constexpr std::string_view kSidecarSuffix = ".function.yaml";

enum class Named { kByUser, kBySearch };

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && !fs::is_symlink(path, error);
}

bool has_extension(const fs::path& path, std::initializer_list<std::string_view> extensions) {
  const std::string extension = to_lower(path.extension().string());
  return std::ranges::find(extensions, extension) != extensions.end();
}

Result<Json> read_document(const fs::path& file) {
  AE_TRY(const std::string text, read_file(file, internal::kMaxSidecarBytes));
  auto document = json::parse_yaml(text, json::LocalTags::kMember);
  if (!document) {
    return annotate(std::move(document).error(), "reading " + file.filename().string());
  }
  return document;
}

class Loader final {
 public:
  explicit Loader(const LoadOptions& options) : options_(options) {}

  // `confines` is canonical and holds `path`.
  Result<void> load_folder(const fs::path& folder, const std::string& stem) {
    confines_ = folder;
    root_ = folder;
    root_name_ = stem;
    return search(folder, 0);
  }

  Result<void> load_archive(const fs::path& archive, const std::string& stem, Named named) {
    const std::string where = archive.lexically_relative(root_).string();
    auto unpacked = internal::unpack(archive, options_.limits);
    if (!unpacked) return refuse(where, std::move(unpacked).error()), Result<void>();
    Loader inner(options_);
    inner.in_archive_ = true;
    inner.beside_ = internal::sidecar_beside(archive);
    AE_CHECK(inner.load_folder(fs::canonical((*unpacked)->path()), stem));
    take_from(std::move(inner), where, *unpacked, stem, named);
    return {};
  }

  Result<void> load_file(const fs::path& file) {
    confines_ = file.parent_path();
    root_ = file.parent_path();
    if (has_extension(file, {".zip"})) {
      const std::string stem = options_.name.empty() ? file.stem().string() : options_.name;
      return load_archive(file, stem, Named::kByUser);
    }
    if (!has_extension(file, {".yaml", ".yml", ".json", ".template"})) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is neither a folder nor a zip nor a template; name one of these",
                              file.filename().string()));
    }
    AE_TRY(const Json document, read_document(file));
    if (internal::is_template(document)) {
      load_template(file, document);
    } else if (json::string_or(document, "kind") == "Function") {
      load_sidecar(file);
    } else {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} has no function: a template has Resources of the type "
                              "AWS::Serverless::Function or AWS::Lambda::Function, a sidecar says "
                              "\"kind: Function\"",
                              file.filename().string()));
    }
    return {};
  }

  Loaded take() && { return std::move(loaded_); }

 private:
  Result<void> search(const fs::path& folder, int depth) {
    if (const auto file = template_of(folder)) {
      auto document = read_document(*file);
      if (!document) return refuse(shown(*file), std::move(document).error()), Result<void>();
      return load_template(*file, *document), Result<void>();
    }
    if (internal::is_package(folder)) return load_package(folder), Result<void>();
    if (depth == kMaxDepth) return {};
    AE_TRY(const auto entries, entries_of(folder));
    for (const fs::path& path : entries) {
      std::error_code error;
      if (fs::is_directory(path, error)) {
        AE_CHECK(search(path, depth + 1));
      } else if (has_extension(path, {".zip"}) && !in_archive_) {
        AE_CHECK(load_archive(path, path.stem().string(), Named::kBySearch));
      } else if (path.filename().string().ends_with(kSidecarSuffix) && stands_alone(path)) {
        load_sidecar(path);
      }
    }
    return {};
  }

  // Sorted, without links and what begins with a dot.
  Result<std::vector<fs::path>> entries_of(const fs::path& folder) {
    std::vector<fs::path> paths;
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
      const std::string name = entries->path().filename().string();
      if (name.starts_with('.') || internal::is_left_out(name) || entries->is_symlink(ignored)) {
        continue;
      }
      paths.push_back(entries->path());
    }
    if (error) {
      return fail(ErrorCode::kInternal,
                  fmt::format("cannot list {}: {}", folder.string(), error.message()));
    }
    std::ranges::sort(paths);
    return paths;
  }

  // A template that names functions; a sidecar makes the folder one function, whatever else it has.
  static std::optional<fs::path> template_of(const fs::path& folder) {
    if (is_file(folder / internal::kSidecarName)) return std::nullopt;
    for (const char* name : {"template.yaml", "template.yml", "template.json"}) {
      if (!is_file(folder / name)) continue;
      const auto document = read_document(folder / name);
      // One that cannot be read is reported when nothing else makes this a function.
      if (!document ? !internal::is_package(folder) : internal::is_template(*document)) {
        return folder / name;
      }
    }
    return std::nullopt;
  }

  // No folder and no zip of its name: then it can only describe a function that is elsewhere.
  static bool stands_alone(const fs::path& sidecar) {
    const std::string name = sidecar.filename().string();
    const fs::path code =
        sidecar.parent_path() / name.substr(0, name.size() - kSidecarSuffix.size());
    std::error_code error;
    return !fs::exists(code, error) && !fs::exists(code.string() + ".zip", error);
  }

  std::string shown(const fs::path& path) const {
    const std::string relative = path.lexically_relative(root_).string();
    return relative == "." || relative.empty() ? root_name_ : relative;
  }

  void refuse(std::string where, Error error) {
    loaded_.refused.push_back({std::move(where), std::move(error)});
  }

  void keep(const std::string& where, Draft draft) {
    draft.confines = confines_;
    draft.archives_allowed = !in_archive_;
    auto package = internal::finish(std::move(draft), options_);
    if (!package) return refuse(where, std::move(package).error());
    loaded_.packages.push_back(*std::move(package));
  }

  void load_package(const fs::path& folder) {
    const bool top = folder == root_;
    LoadOptions options = options_;
    options.name = top ? root_name_ : "";
    const fs::path beside = top && in_archive_ ? beside_ : internal::sidecar_beside(folder);
    auto draft = internal::draft_of_folder(folder, options, beside);
    if (!draft) return refuse(shown(folder), std::move(draft).error());
    keep(shown(folder), *std::move(draft));
  }

  void load_sidecar(const fs::path& file) {
    auto document = internal::read_yaml_file(file);
    if (!document) return refuse(shown(file), std::move(document).error());
    const std::string name = file.filename().string();
    Draft draft{.folder = "",
                .name = name.ends_with(kSidecarSuffix)
                            ? name.substr(0, name.size() - kSidecarSuffix.size())
                            : ""};
    draft.declaration = **std::move(document);
    draft.declared_in = name;
    keep(shown(file), std::move(draft));
  }

  void load_template(const fs::path& file, const Json& document) {
    const auto functions = internal::read_template(document);
    std::map<std::string, int> users;  // of each code folder
    for (const auto& function : functions) ++users[function.code];
    for (const internal::TemplateFunction& function : functions) {
      const std::string where = fmt::format("{}: {}", shown(file), function.id);
      if (function.refusal) {
        refuse(where, *function.refusal);
        continue;
      }
      auto draft = draft_of_template(file, function, users[function.code] > 1);
      if (!draft) {
        refuse(where, std::move(draft).error());
      } else {
        keep(where, *std::move(draft));
      }
    }
  }

  Result<Draft> draft_of_template(const fs::path& file, const internal::TemplateFunction& function,
                                  bool shared) {
    const fs::path base = file.parent_path();
    Draft draft{.folder = "", .name = json::string_or(function.document, "name")};
    draft.declaration = function.document;
    draft.declared_in = fmt::format("{}: {}", file.filename().string(), function.id);
    draft.layer_base = base;
    draft.notes = function.notes;
    if (function.code.empty()) {
      AE_CHECK(write_inline(function, draft));
    } else {
      AE_TRY(draft.folder, internal::confined(base, function.code, confines_));
    }
    if (is_file(draft.folder)) {
      if (in_archive_) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{} is an archive inside an archive, which stays closed; unpack it "
                                "there",
                                function.code));
      }
      AE_TRY(auto unpacked, internal::unpack(draft.folder, options_.limits));
      draft.folder = fs::canonical(unpacked->path());
      draft.unpacked.push_back(std::move(unpacked));
    }
    AE_CHECK(internal::list_code(draft.folder, options_.limits));
    for (const fs::path& sidecar : {base / (draft.name + std::string(kSidecarSuffix)),
                                    base / (function.id + std::string(kSidecarSuffix)),
                                    shared ? fs::path() : draft.folder / internal::kSidecarName}) {
      if (sidecar.empty() || !is_file(sidecar)) continue;
      AE_TRY(const auto said, internal::read_yaml_file(sidecar));
      AE_CHECK(add_sidecar(*said, sidecar, draft));
      break;
    }
    return draft;
  }

  // What the sidecar says wins over what the template says.
  static Result<void> add_sidecar(const Json& said, const fs::path& file, Draft& draft) {
    if (!said.is_object()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is no object of members", file.filename().string()));
    }
    for (const auto& [key, value] : said.items()) {
      if (key == "layers") draft.layer_base = file.parent_path();
      Json& place = draft.declaration[key];
      if (key == "environment" && place.is_object() && value.is_object()) {
        place.update(value);
      } else {
        place = value;
      }
    }
    return {};
  }

  Result<void> write_inline(const internal::TemplateFunction& function, Draft& draft) const {
    const std::string runtime = json::string_or(function.document, "runtime");
    if (!runtime.starts_with("python") && !runtime.starts_with("nodejs")) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("code inside a template cannot be {}; only Python and Node can", runtime));
    }
    auto folder = std::make_shared<const TemporaryFolder>("ae-package");
    const bool python = runtime.starts_with("python");
    AE_CHECK(write_file_atomically(folder->path() / (python ? "index.py" : "index.js"),
                                   function.inline_code));
    draft.folder = fs::canonical(folder->path());
    draft.unpacked.push_back(std::move(folder));
    return {};
  }

  void take_from(Loader inner, const std::string& where,
                 const std::shared_ptr<const TemporaryFolder>& unpacked, const std::string& stem,
                 Named named) {
    Loaded& found = inner.loaded_;
    if (found.packages.empty() && found.refused.empty() && named == Named::kByUser) {
      refuse(where, Error{ErrorCode::kNotFound,
                          fmt::format("the archive holds no function: none of {}, no "
                                      "function.yaml and no template.yaml; is the code one folder "
                                      "too deep?",
                                      internal::entry_point_names()),
                          {}});
    }
    for (Package& package : found.packages) {
      package.unpacked.push_back(unpacked);
      loaded_.packages.push_back(std::move(package));
    }
    for (Loaded::Refusal& refusal : found.refused) {
      const bool itself = refusal.where == stem;
      loaded_.refused.push_back(
          {itself ? where : fmt::format("{}: {}", where, refusal.where), std::move(refusal.error)});
    }
  }

  const LoadOptions& options_;
  fs::path root_;          // what paths are shown relative to
  std::string root_name_;  // the function's name when root_ is one
  fs::path confines_;
  fs::path beside_;  // of an archive: where its sidecar may be
  bool in_archive_ = false;
  std::size_t searched_ = 0;
  Loaded loaded_;
};

}  // namespace

Result<Loaded> load_packages(const fs::path& path, const LoadOptions& options) {
  std::error_code error;
  const fs::path place = fs::canonical(path, error);
  if (error) {
    return fail(
        error == std::errc::permission_denied ? ErrorCode::kPermissionDenied : ErrorCode::kNotFound,
        fmt::format("cannot open {}: {}", path.string(), error.message()));
  }
  Loader loader(options);
  if (fs::is_directory(place, error)) {
    AE_CHECK(
        loader.load_folder(place, options.name.empty() ? place.filename().string() : options.name));
  } else {
    AE_CHECK(loader.load_file(place));
  }
  return std::move(loader).take();
}

}  // namespace ae::repository
