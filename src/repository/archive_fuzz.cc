// Archives are made by strangers: whatever the bytes, nothing appears outside of the folder.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/file.h"
#include "repository/internal/archive.h"
#include "repository/internal/code_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fs = std::filesystem;
  using namespace ae::repository;
  const ae::TemporaryFolder outer("ae-archive-fuzz");
  const fs::path target = outer.path() / "in";
  fs::create_directory(target);
  const PackageLimits limits{.max_files = 100, .max_bytes = 1UL << 20U};
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto unpacked = internal::unpack_zip_bytes(bytes, target, limits);
  for (const auto& entry : fs::directory_iterator(outer.path())) {
    if (entry.path() != target) std::abort();
  }
  // What is accepted is a package as good as a folder: its links stay inside.
  if (unpacked && !internal::list_code(target, limits)) std::abort();
  return 0;
}
