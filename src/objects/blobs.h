// The files behind objects: each is written once, under a name that has nothing to do with the
// object's key, and never changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace ae::objects {

using FileHandle = std::shared_ptr<const int>;  // closes the descriptor with its last owner

// A blob that is being written, in the staging folder. Unless it is kept, its file goes with it.
// Threads: one at a time.
class Incoming final {
 public:
  Incoming(Incoming&& other) noexcept;
  Incoming& operator=(Incoming&&) = delete;
  ~Incoming();

  // Errors: kResourceExhausted (disk full), kInternal.
  Result<void> write(std::string_view bytes);
  // Durable when it returns; write() no more. Once.
  Result<void> seal();
  std::uint64_t size() const { return size_; }
  // After seal(): the raw digest; MD5 always, others as they were asked for ("" otherwise).
  std::string digest(DigestKind kind) const;

 private:
  friend class Blobs;
  Incoming(std::filesystem::path path, std::string id, FileHandle file)
      : path_(std::move(path)), id_(std::move(id)), file_(std::move(file)) {}

  std::filesystem::path path_;
  std::string id_;
  FileHandle file_;
  std::uint64_t size_ = 0;
  std::map<DigestKind, Digest> running_;
  std::map<DigestKind, std::string> finished_;
};

// Threads: any.
class Blobs final {
 public:
  // Makes the folders. Errors: kPermissionDenied, kInternal.
  static Result<std::unique_ptr<Blobs>> open(const std::filesystem::path& folder);

  Result<Incoming> receive(std::span<const DigestKind> digests) const;
  // A second name of a blob's content, as a blob of its own, at no cost. kNotFound: it is gone.
  Result<Incoming> link(const std::string& id) const;
  // Makes what was staged and sealed survive a power cut under its name; then the id may be
  // written down. The file stays when `incoming` goes.
  Result<std::string> keep(Incoming incoming) const;
  // Moves a kept blob whose id is written down to its place. Failing is harmless.
  void settle(const std::string& id) const;
  Result<FileHandle> read(const std::string& id) const;  // kNotFound: it is gone
  void remove(const std::string& id) const;

  std::vector<std::string> staged() const;

 private:
  explicit Blobs(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path staging(const std::string& id) const { return folder_ / "staging" / id; }
  std::filesystem::path place(const std::string& id) const;

  std::filesystem::path folder_;
};

// Copies `size` bytes from `offset` of `from` behind what `to` holds. Errors: as Incoming::write.
Result<void> append_file(Incoming& to, const FileHandle& from, std::uint64_t offset,
                         std::uint64_t size);

}  // namespace ae::objects
