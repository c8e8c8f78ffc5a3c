#include "repository/package.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

#include "repository/internal/code_files.h"
#include "repository/internal/draft.h"
#include "repository/internal/entry_point.h"

namespace ae::repository {
namespace fs = std::filesystem;
namespace {

constexpr int kMaxDepth = 4;
constexpr std::size_t kMaxEntriesSearched = 200'000;  // "find ." in a home folder is a mistake

class Finder {
 public:
  Result<void> search(const fs::path& folder, int depth) {
    if (internal::is_package(folder)) {
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
      const std::string name = entries->path().filename().string();
      std::error_code ignored;
      if (name.starts_with('.') || internal::is_left_out(name) || entries->is_symlink(ignored) ||
          !entries->is_directory(ignored)) {
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

}  // namespace

Result<Package> read_package(const fs::path& folder, const LoadOptions& options) {
  AE_TRY(fs::path root, internal::existing_folder(folder));
  AE_TRY(internal::Draft draft, internal::draft_of_folder(root, options));
  draft.confines = root;
  return internal::finish(std::move(draft), options);
}

Result<std::vector<fs::path>> find_packages(const fs::path& root) {
  AE_TRY(const fs::path folder, internal::existing_folder(root));
  Finder finder;
  AE_CHECK(finder.search(folder, 0));
  return std::move(finder).take();
}

}  // namespace ae::repository
