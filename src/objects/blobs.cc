#include "objects/blobs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/id.h"

namespace ae::objects {
namespace {

constexpr std::size_t kCopyBytes = 1UL << 20U;

std::unexpected<Error> system_fault(std::string_view doing, const std::filesystem::path& path) {
  const int error = errno;
  ErrorCode code = ErrorCode::kInternal;
  if (error == ENOENT) code = ErrorCode::kNotFound;
  if (error == EACCES || error == EPERM || error == EROFS) code = ErrorCode::kPermissionDenied;
  if (error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE) {
    code = ErrorCode::kResourceExhausted;
  }
  return fail(code, fmt::format("cannot {} {}: {}", doing, path.string(),
                                std::generic_category().message(error)));
}

FileHandle handle(int fd) {
  return {new int(fd), [](const int* held) {
            ::close(*held);
            delete held;
          }};
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const FileHandle file = handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (*file < 0 || ::fsync(*file) != 0) return system_fault("sync", folder);
  return {};
}

}  // namespace

// ---- Incoming --------------------------------------------------------------------------------

Incoming::Incoming(Incoming&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      id_(std::move(other.id_)),
      file_(std::move(other.file_)),
      size_(other.size_),
      running_(std::move(other.running_)),
      finished_(std::move(other.finished_)) {}

Incoming::~Incoming() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> Incoming::write(std::string_view bytes) {
  for (auto& [kind, digest] : running_) digest.update(bytes);
  size_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = ::write(*file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_fault("write", path_);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> Incoming::seal() {
  for (auto& [kind, digest] : running_) finished_[kind] = digest.finish();
  running_.clear();
  if (::fsync(*file_) != 0) return system_fault("sync", path_);
  return {};
}

std::string Incoming::digest(DigestKind kind) const {
  const auto found = finished_.find(kind);
  return found == finished_.end() ? std::string{} : found->second;
}

Result<void> append_file(Incoming& to, const FileHandle& from, std::uint64_t offset,
                         std::uint64_t size) {
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(size, kCopyBytes)), '\0');
  while (size > 0) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer.size()));
    const ssize_t bytes = ::pread(*from, buffer.data(), wanted, static_cast<off_t>(offset));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return fail(ErrorCode::kDataLoss, "a stored object is shorter than recorded");
    AE_CHECK(to.write(std::string_view(buffer).substr(0, static_cast<std::size_t>(bytes))));
    offset += static_cast<std::uint64_t>(bytes);
    size -= static_cast<std::uint64_t>(bytes);
  }
  return {};
}

// ---- Blobs -----------------------------------------------------------------------------------

Result<std::unique_ptr<Blobs>> Blobs::open(const std::filesystem::path& folder) {
  std::error_code error;
  for (const auto& needed : {folder, folder / "staging", folder / "data"}) {
    std::filesystem::create_directories(needed, error);
    if (!error) std::filesystem::permissions(needed, std::filesystem::perms::owner_all, error);
    if (error) {
      return fail(ErrorCode::kPermissionDenied,
                  fmt::format("cannot make {}: {}", needed.string(), error.message()));
    }
  }
  AE_CHECK(sync_folder(folder));
  return std::unique_ptr<Blobs>(new Blobs(folder));
}

// 256 folders by the last characters, which are random: none grows too large to look into.
std::filesystem::path Blobs::place(const std::string& id) const {
  return folder_ / "data" / id.substr(id.size() - 2) / id;
}

Result<Incoming> Blobs::receive(std::span<const DigestKind> digests) const {
  std::string id = new_id("blob");
  auto path = staging(id);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return system_fault("create", path);
  Incoming incoming(std::move(path), std::move(id), handle(fd));
  incoming.running_.emplace(DigestKind::kMd5, Digest(DigestKind::kMd5));
  for (const DigestKind kind : digests) incoming.running_.try_emplace(kind, Digest(kind));
  return incoming;
}

Result<Incoming> Blobs::link(const std::string& id) const {
  AE_TRY(FileHandle file, read(id));
  std::string copy = new_id("blob");
  auto path = staging(copy);
  if (::link(place(id).c_str(), path.c_str()) != 0 &&
      ::link(staging(id).c_str(), path.c_str()) != 0) {
    return system_fault("link", path);
  }
  struct stat status{};
  Incoming incoming(std::move(path), std::move(copy), std::move(file));
  if (::fstat(*incoming.file_, &status) != 0) return system_fault("read", incoming.path_);
  incoming.size_ = static_cast<std::uint64_t>(status.st_size);
  return incoming;
}

Result<std::string> Blobs::keep(Incoming incoming) const {
  AE_CHECK(sync_folder(folder_ / "staging"));
  incoming.path_.clear();
  return std::move(incoming.id_);
}

void Blobs::settle(const std::string& id) const {
  const auto target = place(id);
  if (::rename(staging(id).c_str(), target.c_str()) == 0 || errno != ENOENT) return;
  std::error_code ignored;
  std::filesystem::create_directory(target.parent_path(), ignored);
  std::filesystem::rename(staging(id), target, ignored);
}

Result<FileHandle> Blobs::read(const std::string& id) const {
  // It may move from the one place to the other between two looks.
  for (const auto& path : {place(id), staging(id), place(id)}) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return handle(fd);
    if (errno != ENOENT) return system_fault("open", path);
  }
  return fail(ErrorCode::kNotFound, fmt::format("the stored file {} is gone", id));
}

void Blobs::remove(const std::string& id) const {
  // In this order: whoever settles it meanwhile has done so before the second, or finds nothing.
  ::unlink(staging(id).c_str());
  ::unlink(place(id).c_str());
}

std::vector<std::string> Blobs::staged() const {
  std::vector<std::string> ids;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "staging", ignored)) {
    ids.push_back(entry.path().filename().string());
  }
  return ids;
}

}  // namespace ae::objects
