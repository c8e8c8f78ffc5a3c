// Digests, checksums, and the two ways of writing bytes as text. OpenSSL does the cryptography.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ae {

// SHA-256 as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

// HMAC-SHA-256, 32 raw bytes.
std::string hmac_sha256(std::string_view key, std::string_view bytes);
// HMAC-SHA-1, 20 raw bytes: only for old protocols that ask for it.
std::string hmac_sha1(std::string_view key, std::string_view bytes);

// Takes as long for texts of one length wherever they differ: for comparing secrets.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// `count` unpredictable bytes from the kernel.
std::string random_bytes(std::size_t count);

// Lower case.
std::string to_hex(std::string_view bytes);
// RFC 4648, with padding. Errors of from_base64: kInvalidArgument for anything but whole,
// padded, canonical base64.
std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

enum class DigestKind {
  kMd5,     // 16 bytes; an ETag, not a protection
  kSha1,    // 20 bytes
  kSha256,  // 32 bytes
  kCrc32,   // of zlib; 4 bytes, big-endian like the others below
  kCrc32c,  // Castagnoli
  kCrc64Nvme,
};

// A digest of bytes that come in pieces. Threads: one at a time.
class Digest final {
 public:
  explicit Digest(DigestKind kind);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  void update(std::string_view bytes);
  // The raw digest. Once; the object is spent then.
  std::string finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The raw digest of bytes that are at hand.
std::string digest(DigestKind kind, std::string_view bytes);

}  // namespace ae
