// The files of a package: listed in a fixed order, hashed, copied so that a crash leaves no trace.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "repository/package.h"

namespace ae::repository::internal {

constexpr std::string_view kSidecarName = "function.yaml";
constexpr std::size_t kMaxSidecarBytes = 1UL << 20U;

struct CodeFile {
  enum class Kind { kRegular, kExecutable, kLink } kind = Kind::kRegular;
  std::string path;    // relative, '/' between folders
  std::string target;  // of a link: relative too
  bool operator==(const CodeFile&) const = default;
};

// __pycache__, .git, caches of tools: they change without the function changing. Other dot files
// stay, since packages keep libraries in them.
bool is_left_out(std::string_view file_name);

// True when following `target` from the link's own folder stays below `root` (all absolute, `root`
// canonical).
bool stays_inside(const std::filesystem::path& root, const std::filesystem::path& link,
                  const std::filesystem::path& target);

// All files below `folder`, by path; the sidecar is one of them. Errors: kInvalidArgument for links
// that leave the folder (and absolute ones) and for devices, pipes and sockets; kResourceExhausted.
Result<std::vector<CodeFile>> list_code(const std::filesystem::path& folder,
                                        const PackageLimits& limits);

// Copies the files into `to`, which must not exist, and syncs each file and folder.
Result<void> copy_code(const std::filesystem::path& from, const std::vector<CodeFile>& files,
                       const std::filesystem::path& to);

// Makes the folder's entries durable.
Result<void> sync_folder(const std::filesystem::path& folder);

// A file of YAML; a missing one is nothing. Errors: kInvalidArgument with file and line.
Result<std::optional<Json>> read_yaml_file(const std::filesystem::path& file);

// What a version says besides the files.
struct Identity {
  Json declaration;  // function.yaml and the template's part, parsed, so that comments and layout
                     // do not matter; null: none
  std::string name;  // counts without a declaration
  std::vector<std::string> layers{};  // content_of() each
};

// The version of what lies in `folder`, listed as `files`: the SHA-256 of every file's path, kind
// and content and of the identity. The sidecar among the files does not count again.
Result<std::string> version_of(const std::filesystem::path& folder,
                               const std::vector<CodeFile>& files, const Identity& identity);

// The same of a layer, which is files and nothing else.
Result<std::string> content_of(const std::filesystem::path& folder,
                               const std::vector<CodeFile>& files);

}  // namespace ae::repository::internal
