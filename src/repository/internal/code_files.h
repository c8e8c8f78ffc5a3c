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

// __pycache__ and dot files: they change without the function changing.
bool is_left_out(std::string_view file_name);

// All files below `folder`, by path; the sidecar is one of them. Errors: kInvalidArgument for links
// that leave the folder (and absolute ones) and for devices, pipes and sockets; kResourceExhausted.
Result<std::vector<CodeFile>> list_code(const std::filesystem::path& folder,
                                        const PackageLimits& limits);

// Copies the files into `to`, which must not exist, and syncs each file and folder.
Result<void> copy_code(const std::filesystem::path& from, const std::vector<CodeFile>& files,
                       const std::filesystem::path& to);

// Makes the folder's entries durable.
Result<void> sync_folder(const std::filesystem::path& folder);

// The sidecar's content, or nothing when there is none. Errors: kInvalidArgument with file and
// line.
Result<std::optional<Json>> read_sidecar_document(const std::filesystem::path& folder);

// The version of what lies in `folder`, listed as `files`: the SHA-256 of every file's path,
// kind and content and of the sidecar's parsed content, so that its comments and layout do not
// matter; without one, of `name`.
Result<std::string> version_of(const std::filesystem::path& folder,
                               const std::vector<CodeFile>& files,
                               const std::optional<Json>& sidecar, std::string_view name);

}  // namespace ae::repository::internal
