// What an organisation wrote for AWS Lambda, read as it is: folders, zip archives, SAM and
// CloudFormation templates, and functions that run elsewhere.
//
// One function is a folder (or the content of a zip) with lambda_function.py, app.py,
// index.mjs|cjs|js or an executable `bootstrap`, and perhaps a sidecar (sidecar.h): function.yaml
// inside, or <name>.function.yaml beside the folder or zip. A template names functions of its own.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "dag/function_spec.h"

namespace ae::repository {

struct PackageLimits {
  std::size_t max_files = 30'000;
  std::size_t max_bytes = 250UL << 20U;  // Lambda's limit for an unpacked package
  std::size_t max_ratio = 200;           // of content to archive, beyond 16 MB
};

struct LoadOptions {
  PackageLimits limits{};
  std::string name{};  // of a function that says none, instead of its file's name
  // Reads the syntax tree of Python code, and never runs it, when a function has no schema.
  std::filesystem::path python = "/usr/bin/python3";
};

struct Package {
  std::filesystem::path folder{};  // of the code; "" when the function runs elsewhere
  dag::FunctionSpec spec{};        // version filled in; binding.folder is `folder`
  Json declaration{};              // the sidecar and the template's part; null: neither
  std::vector<std::filesystem::path> layers{};  // folders, in order
  std::vector<std::string> notes{};             // what was ignored, guessed or may not work
  // What came out of archives, removed with the last package that needs it.
  std::vector<std::shared_ptr<const TemporaryFolder>> unpacked{};
};

struct Loaded {
  std::vector<Package> packages;  // in the order of their paths
  struct Refusal {
    std::string where;  // the path below the one that was named, or its last part
    Error error;
  };
  std::vector<Refusal> refused;
};

// Every function at `path`: a folder of a function, of functions (any depth up to 4), or with a
// template; a zip of any of these; a template; a sidecar of a function that runs elsewhere. Nothing
// outside of `path` (of its folder, for a file) is read, whatever links and templates say. Zips
// inside zips stay closed. Without schemas, they are inferred (infer.h).
// Errors: kNotFound, kPermissionDenied, kInvalidArgument (neither folder, zip nor YAML). What one
// function lacks is in `refused`.
Result<Loaded> load_packages(const std::filesystem::path& path, const LoadOptions& options = {});

// One function in a folder, with or without a sidecar.
// The version is the SHA-256 of the sidecar's meaning and of every file's path and content
// (__pycache__, .git and the like left out). Symbolic links that leave the folder are refused.
// Errors: kNotFound, kInvalidArgument (naming file, line, fix), kResourceExhausted.
Result<Package> read_package(const std::filesystem::path& folder, const LoadOptions& options = {});

// The package folders below `root` (itself, or any depth up to 4), sorted by path.
Result<std::vector<std::filesystem::path>> find_packages(const std::filesystem::path& root);

}  // namespace ae::repository
