// Whole-file reading and writing with errors that name the file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ae {

// Errors: kNotFound; kResourceExhausted beyond max_bytes; kInvalidArgument for a folder;
// kPermissionDenied; kInternal for any other fault of the system.
Result<std::string> read_file(const std::filesystem::path& path,
                              std::size_t max_bytes = 64UL << 20U);

// Replaces the file as one step (temporary file, fsync, rename): readers see the old content or
// the new one, also after a crash.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content);

// A fresh private folder (mode 0700) below the system's temporary folder, removed with its
// content by the destructor.
class TemporaryFolder final {
 public:
  explicit TemporaryFolder(std::string_view prefix = "ae");
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace ae
