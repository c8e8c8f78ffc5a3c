#include "repository/internal/code_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>

#include "base/file.h"
#include "base/hash.h"
#include "json/yaml.h"

namespace ae::repository::internal {
namespace fs = std::filesystem;
namespace {

std::unexpected<Error> system_error(const std::error_code& cause, std::string_view doing,
                                    const fs::path& path) {
  ErrorCode code = ErrorCode::kInternal;
  if (cause == std::errc::no_such_file_or_directory) code = ErrorCode::kNotFound;
  if (cause == std::errc::permission_denied) code = ErrorCode::kPermissionDenied;
  if (cause == std::errc::no_space_on_device) code = ErrorCode::kResourceExhausted;
  return fail(code, fmt::format("cannot {} {}: {}", doing, path.string(), cause.message()));
}

std::unexpected<Error> system_error(int number, std::string_view doing, const fs::path& path) {
  return system_error(std::error_code(number, std::generic_category()), doing, path);
}

class Lister {
 public:
  Lister(fs::path root, const PackageLimits& limits) : root_(std::move(root)), limits_(limits) {}

  Result<std::vector<CodeFile>> list() && {
    AE_CHECK(walk(root_, ""));
    std::ranges::sort(files_, {}, &CodeFile::path);
    return std::move(files_);
  }

 private:
  Result<void> walk(const fs::path& folder, const std::string& prefix) {
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    if (error) return system_error(error, "list", folder);
    for (; entries != fs::directory_iterator(); entries.increment(error)) {
      if (error) return system_error(error, "list", folder);
      const std::string name = entries->path().filename().string();
      if (is_left_out(name)) continue;
      AE_CHECK(add(entries->path(), prefix + name));
    }
    return {};
  }

  Result<void> add(const fs::path& path, const std::string& relative) {
    // Folders count too: a tree of empty ones must not be endless.
    if (++entries_ > limits_.max_files) {
      return fail(ErrorCode::kResourceExhausted,
                  fmt::format("{} holds more than {} files", root_.string(), limits_.max_files));
    }
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return system_error(errno, "read", path);
    if (S_ISDIR(status.st_mode)) return walk(path, relative + "/");
    if (S_ISLNK(status.st_mode)) return add_link(path, relative);
    if (!S_ISREG(status.st_mode)) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{} is no file (a device, pipe or socket); remove it from the package",
                      path.string()));
    }
    bytes_ += static_cast<std::size_t>(status.st_size);
    if (bytes_ > limits_.max_bytes) {
      return fail(ErrorCode::kResourceExhausted,
                  fmt::format("{} holds more than {} bytes", root_.string(), limits_.max_bytes));
    }
    const bool executable = (status.st_mode & S_IXUSR) != 0;
    files_.push_back({.kind = executable ? CodeFile::Kind::kExecutable : CodeFile::Kind::kRegular,
                      .path = relative,
                      .target = ""});
    return {};
  }

  Result<void> add_link(const fs::path& path, const std::string& relative) {
    std::error_code error;
    const fs::path target = fs::read_symlink(path, error);
    if (error) return system_error(error, "read", path);
    // The copy keeps the link, so an absolute one would go on pointing to the original folder.
    if (target.is_absolute() || !stays_inside(root_, path, target)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the symbolic link {} points to {}, outside of the package; replace "
                              "it by the file itself",
                              path.string(), target.string()));
    }
    files_.push_back({.kind = CodeFile::Kind::kLink, .path = relative, .target = target.string()});
    return {};
  }

  const fs::path root_;
  const PackageLimits& limits_;
  std::vector<CodeFile> files_;
  std::size_t entries_ = 0;
  std::size_t bytes_ = 0;
};

std::string_view kind_name(CodeFile::Kind kind) {
  switch (kind) {
    case CodeFile::Kind::kRegular:
      return "file";
    case CodeFile::Kind::kExecutable:
      return "executable";
    case CodeFile::Kind::kLink:
      break;
  }
  return "link";
}

Result<void> write_durably(const fs::path& path, std::string_view content, mode_t mode) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (file < 0) return system_error(errno, "create", path);
  int number = 0;
  while (!content.empty() && number == 0) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written >= 0) {
      content.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      number = errno;
    }
  }
  if (number == 0 && ::fsync(file) != 0) number = errno;
  if (::close(file) != 0 && number == 0) number = errno;
  if (number != 0) return system_error(number, "write", path);
  return {};
}

Result<void> add_files(const fs::path& folder, const std::vector<CodeFile>& files, Json& manifest) {
  for (const CodeFile& file : files) {
    if (file.path == kSidecarName) continue;
    std::string content = file.target;
    if (file.kind != CodeFile::Kind::kLink) {
      AE_TRY(content, read_file(folder / file.path, PackageLimits{}.max_bytes));
    }
    manifest.push_back(
        fmt::format("{} {} {}", kind_name(file.kind), sha256_hex(content), sha256_hex(file.path)));
  }
  return {};
}

}  // namespace

bool is_left_out(std::string_view file_name) {
  static constexpr std::array<std::string_view, 13> kByProducts{
      "__pycache__",   ".git",        ".hg",         ".svn",  ".DS_Store", ".idea",     ".vscode",
      ".pytest_cache", ".mypy_cache", ".ruff_cache", ".venv", ".aws-sam",  ".gitignore"};
  return std::ranges::find(kByProducts, file_name) != kByProducts.end();
}

bool stays_inside(const fs::path& root, const fs::path& link, const fs::path& target) {
  std::error_code error;
  const fs::path end = fs::weakly_canonical(link.parent_path() / target, error);
  if (error) return false;  // a loop of links, say
  const auto [differs, unused] = std::ranges::mismatch(root, end);
  return differs == root.end();
}

Result<std::vector<CodeFile>> list_code(const fs::path& folder, const PackageLimits& limits) {
  std::error_code error;
  fs::path root = fs::canonical(folder, error);
  if (error) return system_error(error, "open", folder);
  return Lister(std::move(root), limits).list();
}

Result<std::optional<Json>> read_yaml_file(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::optional<Json>();
  AE_TRY(const std::string text, read_file(file, kMaxSidecarBytes));
  auto document = json::parse_yaml(text);
  if (!document) return annotate(std::move(document).error(), "reading " + file.string());
  return std::optional<Json>(*std::move(document));
}

Result<std::string> version_of(const fs::path& folder, const std::vector<CodeFile>& files,
                               const Identity& identity) {
  // In written order: the order of parameters is part of what was said.
  const std::string description = identity.declaration.is_null()
                                      ? fmt::format("name {}", identity.name)
                                      : "sidecar " + json::dump(identity.declaration);
  // JSON as the manifest, and digests of names, since a file name may hold any byte.
  Json manifest = Json::array({"actionengine package 1", sha256_hex(description)});
  AE_CHECK(add_files(folder, files, manifest));
  for (const std::string& layer : identity.layers) manifest.push_back("layer " + layer);
  return sha256_hex(json::dump(manifest));
}

Result<std::string> content_of(const fs::path& folder, const std::vector<CodeFile>& files) {
  Json manifest = Json::array({"actionengine layer 1"});
  AE_CHECK(add_files(folder, files, manifest));
  return sha256_hex(json::dump(manifest));
}

Result<void> copy_code(const fs::path& from, const std::vector<CodeFile>& files,
                       const fs::path& to) {
  std::error_code error;
  if (!fs::create_directory(to, error) || error) return system_error(error, "create", to);
  std::set<fs::path> folders{to};
  for (const CodeFile& file : files) {
    const fs::path target = to / file.path;
    fs::create_directories(target.parent_path(), error);
    if (error) return system_error(error, "create", target.parent_path());
    for (fs::path folder = target.parent_path(); folder != to; folder = folder.parent_path()) {
      folders.insert(folder);
    }
    if (file.kind == CodeFile::Kind::kLink) {
      fs::create_symlink(file.target, target, error);
      if (error) return system_error(error, "create", target);
      continue;
    }
    AE_TRY(const std::string content, read_file(from / file.path, PackageLimits{}.max_bytes));
    AE_CHECK(
        write_durably(target, content, file.kind == CodeFile::Kind::kExecutable ? 0755 : 0644));
  }
  for (const fs::path& folder : folders) AE_CHECK(sync_folder(folder));
  return {};
}

Result<void> sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_error(errno, "open", folder);
  const int number = ::fsync(descriptor) != 0 ? errno : 0;
  ::close(descriptor);
  if (number != 0) return system_error(number, "sync", folder);
  return {};
}

}  // namespace ae::repository::internal
