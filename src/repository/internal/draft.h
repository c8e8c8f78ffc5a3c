// A function on its way from files to a Package: what was found, before it is checked and hashed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "repository/package.h"

namespace ae::repository::internal {

struct Draft {
  std::filesystem::path folder;        // of the code; "" when the function runs elsewhere
  std::string name;                    // of the file, when nothing else says one
  Json declaration{};                  // null: none
  std::string declared_in{};           // for messages: the sidecar's or template's path
  std::filesystem::path layer_base{};  // what the declaration's layers are relative to
  std::filesystem::path confines{};    // nothing outside of this folder is read
  bool archives_allowed = true;        // a layer may be a zip
  std::vector<std::string> notes{};
  std::vector<std::shared_ptr<const TemporaryFolder>> unpacked{};
};

// The canonical path. Errors: kNotFound, kPermissionDenied, kInvalidArgument when it is no folder.
Result<std::filesystem::path> existing_folder(const std::filesystem::path& path);

// function.yaml or a file that Lambda would begin with.
bool is_package(const std::filesystem::path& folder);

// The sidecar that belongs to the folder or archive: "x" or "x.zip" -> "x.function.yaml".
std::filesystem::path sidecar_beside(const std::filesystem::path& package);

// With the sidecar inside, or the one at `beside` (which wins). Errors: kInvalidArgument with file
// and line.
Result<Draft> draft_of_folder(const std::filesystem::path& folder, const LoadOptions& options,
                              const std::filesystem::path& beside = {});

// Unpacks to a folder of its own. Errors: unpack_zip()'s, naming the archive.
Result<std::shared_ptr<const TemporaryFolder>> unpack(const std::filesystem::path& archive,
                                                      const PackageLimits& limits);

// base / relative when that stays within `confines` (canonical); links are followed. Errors:
// kNotFound, kPermissionDenied.
Result<std::filesystem::path> confined(const std::filesystem::path& base,
                                       const std::string& relative,
                                       const std::filesystem::path& confines);

// Checks, infers, hashes. Errors: as read_package()'s.
Result<Package> finish(Draft draft, const LoadOptions& options);

}  // namespace ae::repository::internal
