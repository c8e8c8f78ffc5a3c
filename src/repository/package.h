// A Lambda folder on disk: found, read, hashed, copied.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "dag/function_spec.h"

namespace ae::repository {

struct PackageLimits {
  std::size_t max_files = 10'000;
  std::size_t max_bytes = 250UL << 20U;  // Lambda's limit for an unpacked package
};

struct Package {
  std::filesystem::path folder;
  dag::FunctionSpec spec;  // version filled in; binding.folder is `folder`
};

// Reads <folder>/function.yaml and the code beside it. Without a sidecar the folder's name is the
// function's, lambda_function.py or app.py its handler, and its schemas are {} (unproven).
// The version is the SHA-256 of the sidecar's meaning and of every file's path and content
// (__pycache__ and dot files left out). Symbolic links that leave the folder are refused.
// Errors: kNotFound, kInvalidArgument (naming file, line, fix), kResourceExhausted.
Result<Package> read_package(const std::filesystem::path& folder, const PackageLimits& limits = {});

// The package folders below `root` (itself, or any depth up to 4), sorted by path.
Result<std::vector<std::filesystem::path>> find_packages(const std::filesystem::path& root);

}  // namespace ae::repository
