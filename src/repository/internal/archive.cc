#include "repository/internal/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "repository/internal/code_files.h"

namespace ae::repository::internal {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxComponent = 255;  // what Linux file systems take
constexpr std::size_t kMaxName = 1024;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxLinkTarget = 1024;
constexpr std::size_t kShown = 120;
constexpr std::size_t kBlock = 64UL << 10U;
// Deflate shrinks zeros to a thousandth, code to a third. Small archives may do as they like.
constexpr std::size_t kRatioMattersFrom = 16UL << 20U;

std::unexpected<Error> refuse(std::string_view entry, std::string_view why,
                              ErrorCode code = ErrorCode::kInvalidArgument) {
  return fail(code, fmt::format("the archive's entry \"{}\" {}", shorten(entry, kShown), why));
}

std::unexpected<Error> disk_error(int number, std::string_view entry) {
  const bool full = number == ENOSPC || number == EDQUOT;
  return fail(full ? ErrorCode::kResourceExhausted : ErrorCode::kInternal,
              fmt::format("cannot unpack \"{}\": {}", shorten(entry, kShown),
                          std::generic_category().message(number)));
}

struct Closer {
  void operator()(::archive* reader) const { ::archive_read_free(reader); }
};

// The library gives names in the encoding of the locale, which in a server is ASCII.
class Utf8Locale final {
 public:
  Utf8Locale()
      : own_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)),
        before_(own_ == nullptr ? nullptr : ::uselocale(own_)) {}
  ~Utf8Locale() {
    if (own_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(own_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  const locale_t own_;  // of this thread, while it lives
  const locale_t before_;
};
using Reader = std::unique_ptr<::archive, Closer>;

class File final {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class Unpacker final {
 public:
  Unpacker(::archive& reader, std::size_t archive_bytes, fs::path to, const PackageLimits& limits)
      : reader_(reader), archive_bytes_(archive_bytes), to_(std::move(to)), limits_(limits) {}

  Result<void> run() {
    while (true) {
      ::archive_entry* entry = nullptr;
      const int status = ::archive_read_next_header(&reader_, &entry);
      if (status == ARCHIVE_EOF) break;
      // A warning is about the spelling of a name, which is checked here anyway.
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return broken();
      AE_CHECK(take(*entry));
    }
    if (entries_ == 0) return fail(ErrorCode::kInvalidArgument, "the archive is empty");
    return make_links();
  }

 private:
  enum class Kind { kFolder, kFile, kLink };
  struct Link {
    std::string path;
    std::string target;
  };

  std::unexpected<Error> broken() const {
    const char* reason = ::archive_error_string(&reader_);
    const std::string detail = reason == nullptr ? "unknown damage" : reason;
    if (entries_ == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("no zip archive, or only a part of one ({}); make it again", detail));
    }
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the archive is damaged after \"{}\" ({}); make it again",
                            shorten(last_, kShown), detail));
  }

  // Either may be missing.
  static std::string text_of(const char* utf8, const char* raw) {
    return utf8 != nullptr ? utf8 : raw != nullptr ? raw : "";
  }

  Result<void> take(::archive_entry& entry) {
    const std::string name =
        text_of(::archive_entry_pathname_utf8(&entry), ::archive_entry_pathname(&entry));
    if (++entries_ > limits_.max_files) {
      return refuse(name,
                    fmt::format("is one too many: at most {} are unpacked", limits_.max_files),
                    ErrorCode::kResourceExhausted);
    }
    last_ = name;
    AE_TRY(const std::string path, checked_entry_name(name));
    if (::archive_entry_is_encrypted(&entry) != 0) {
      return refuse(name, "is encrypted; make the archive without a password");
    }
    if (::archive_entry_hardlink(&entry) != nullptr) return refuse(name, "is a hard link");
    switch (::archive_entry_filetype(&entry)) {
      case AE_IFDIR:
        return path.empty() ? Result<void>() : claim(path, Kind::kFolder);
      case AE_IFLNK:
        return take_link(entry, path);
      case AE_IFREG:
        return take_file(entry, path);
      default:
        return refuse(name, "is no file, folder or link (a device, pipe or socket)");
    }
  }

  // Each name once, whatever its case: on another machine two would be one.
  Result<void> claim(const std::string& path, Kind kind) {
    std::size_t end = 0;
    while (end != std::string::npos) {
      end = path.find('/', end + 1);
      const std::string part = path.substr(0, end);
      const Kind wanted = end == std::string::npos ? kind : Kind::kFolder;
      const auto [place, fresh] = taken_.emplace(to_lower(part), Taken{part, wanted});
      if (fresh) {
        if (wanted == Kind::kFolder) AE_CHECK(make_folder(part));
        continue;
      }
      const Taken& earlier = place->second;
      if (earlier.path != part) {
        return refuse(path, fmt::format("differs from \"{}\" only in upper and lower case",
                                        shorten(earlier.path, kShown)));
      }
      if (earlier.kind != Kind::kFolder || wanted != Kind::kFolder) {
        return refuse(path, earlier.kind == wanted
                                ? "occurs twice"
                                : fmt::format("needs \"{}\" to be a file and a folder", part));
      }
    }
    return {};
  }

  Result<void> make_folder(const std::string& path) {
    if (::mkdir((to_ / path).c_str(), 0755) != 0) return disk_error(errno, path);
    return {};
  }

  Result<void> take_file(::archive_entry& entry, const std::string& path) {
    if (path.empty()) return refuse(last_, "has no name");
    AE_CHECK(claim(path, Kind::kFile));
    const mode_t mode = (::archive_entry_perm(&entry) & S_IXUSR) != 0 ? 0755 : 0644;
    const File file(
        ::open((to_ / path).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (file.get() < 0) return disk_error(errno, path);
    std::array<char, kBlock> block{};
    while (true) {
      const la_ssize_t count = ::archive_read_data(&reader_, block.data(), block.size());
      if (count < 0) return broken();
      if (count == 0) return {};
      AE_CHECK(count_bytes(static_cast<std::size_t>(count)));
      AE_CHECK(write(file, {block.data(), static_cast<std::size_t>(count)}, path));
    }
  }

  Result<void> count_bytes(std::size_t more) {
    bytes_ += more;
    if (bytes_ > limits_.max_bytes) {
      return refuse(
          last_,
          fmt::format("makes the content larger than the {} bytes allowed", limits_.max_bytes),
          ErrorCode::kResourceExhausted);
    }
    if (bytes_ > kRatioMattersFrom && bytes_ / limits_.max_ratio > archive_bytes_) {
      return refuse(last_,
                    fmt::format("makes the content more than {} times as large as the archive, as "
                                "archives do that are made to fill a disk",
                                limits_.max_ratio),
                    ErrorCode::kResourceExhausted);
    }
    return {};
  }

  static Result<void> write(const File& file, std::string_view data, const std::string& path) {
    while (!data.empty()) {
      const ssize_t written = ::write(file.get(), data.data(), data.size());
      if (written < 0 && errno != EINTR) return disk_error(errno, path);
      if (written > 0) data.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<void> take_link(::archive_entry& entry, const std::string& path) {
    if (path.empty()) return refuse(last_, "has no name");
    AE_CHECK(claim(path, Kind::kLink));
    Link link{
        .path = path,
        .target = text_of(::archive_entry_symlink_utf8(&entry), ::archive_entry_symlink(&entry))};
    if (link.target.empty() || link.target.size() > kMaxLinkTarget ||
        link.target.find('\0') != std::string::npos) {
      return refuse(path, "is a link without a usable target");
    }
    links_.push_back(std::move(link));
    return {};
  }

  // When everything else is there, so that nothing was written through one.
  Result<void> make_links() const {
    std::error_code error;
    for (const Link& link : links_) {
      fs::create_symlink(link.target, to_ / link.path, error);
      if (error) return disk_error(error.value(), link.path);
    }
    const fs::path root = fs::canonical(to_, error);
    for (const Link& link : links_) {
      if (fs::path(link.target).is_absolute() ||
          !stays_inside(root, root / link.path, link.target)) {
        return refuse(link.path, fmt::format("is a link to \"{}\", outside of the package; put the "
                                             "file itself into the archive",
                                             shorten(link.target, kShown)));
      }
    }
    return {};
  }

  struct Taken {
    std::string path;
    Kind kind = Kind::kFile;
  };

  ::archive& reader_;
  const std::size_t archive_bytes_;
  const fs::path to_;
  const PackageLimits& limits_;
  std::unordered_map<std::string, Taken> taken_;  // by path in lower case
  std::vector<Link> links_;
  std::string last_;
  std::size_t entries_ = 0;
  std::size_t bytes_ = 0;
};

// Only with its directory at the end: an archive without one is cut off.
Reader new_reader() {
  Reader reader(::archive_read_new());
  ::archive_read_support_format_zip_seekable(reader.get());
  return reader;
}

}  // namespace

Result<std::string> checked_entry_name(std::string_view name) {
  if (name.empty() || !is_utf8(name)) return refuse(name, "has no name in UTF-8");
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < ' '; })) {
    return refuse("?", "has a control character in its name");
  }
  if (name.size() > kMaxName) return refuse(name, "has too long a name");
  if (name.find('\\') != std::string_view::npos) {
    return refuse(name, "has a backslash in its name; separate folders by '/'");
  }
  const bool drive = name.size() > 1 && name[1] == ':';
  if (name[0] == '/' || drive) {
    return refuse(name, "is an absolute path; archive the folder's content instead");
  }
  std::string path;
  std::size_t depth = 0;
  for (const std::string_view part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return refuse(name, "leaves the folder (\"..\")");
    if (part.size() > kMaxComponent) return refuse(name, "has too long a name");
    if (++depth > kMaxDepth) return refuse(name, "is nested too deeply");
    path += path.empty() ? "" : "/";
    path += part;
  }
  return path;
}

Result<void> unpack_zip(const fs::path& archive, const fs::path& to, const PackageLimits& limits) {
  std::error_code error;
  const auto bytes = fs::file_size(archive, error);
  if (error) {
    return fail(ErrorCode::kNotFound,
                fmt::format("cannot open {}: {}", archive.string(), error.message()));
  }
  if (bytes > limits.max_bytes) {
    return fail(
        ErrorCode::kResourceExhausted,
        fmt::format("the archive has {} bytes; at most {} are read", bytes, limits.max_bytes));
  }
  const Utf8Locale utf8;
  const Reader reader = new_reader();
  if (::archive_read_open_filename(reader.get(), archive.c_str(), kBlock) != ARCHIVE_OK) {
    const char* reason = ::archive_error_string(reader.get());
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot read the archive: {}", reason == nullptr ? "" : reason));
  }
  return Unpacker(*reader, bytes, to, limits).run();
}

Result<void> unpack_zip_bytes(std::string_view archive, const fs::path& to,
                              const PackageLimits& limits) {
  const Utf8Locale utf8;
  const Reader reader = new_reader();
  if (::archive_read_open_memory(reader.get(), archive.data(), archive.size()) != ARCHIVE_OK) {
    return fail(ErrorCode::kInvalidArgument, "no zip archive");
  }
  return Unpacker(*reader, archive.size(), to, limits).run();
}

}  // namespace ae::repository::internal
