#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <variant>

namespace ae {
namespace {

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Reflected CRCs, eight bytes a step ("slicing by eight"): about a gigabyte a second.
template <class Word, Word kPolynomial>
class Crc final {
 public:
  void update(std::string_view bytes) {
    const unsigned char* at = octets(bytes);
    std::size_t left = bytes.size();
    Word crc = static_cast<Word>(~state_);
    for (; left >= 8; at += 8, left -= 8) {
      std::uint64_t word = 0;
      static_assert(std::endian::native == std::endian::little);
      std::memcpy(&word, at, sizeof word);
      word ^= crc;
      crc = 0;
      for (unsigned i = 0; i < 8; ++i) crc ^= kTables[7 - i][(word >> (8U * i)) & 0xffU];
    }
    for (; left > 0; ++at, --left) {
      crc = static_cast<Word>(kTables[0][(crc ^ *at) & 0xffU] ^ (crc >> 8U));
    }
    state_ = static_cast<Word>(~crc);
  }

  std::string finish() const {
    std::string bytes;
    for (std::size_t i = sizeof(Word); i-- > 0;) {
      bytes.push_back(static_cast<char>((state_ >> (8U * i)) & 0xffU));
    }
    return bytes;
  }

 private:
  using Tables = std::array<std::array<Word, 256>, 8>;

  static constexpr Tables make_tables() {
    Tables tables{};
    for (unsigned byte = 0; byte < 256; ++byte) {
      Word crc = byte;
      for (int bit = 0; bit < 8; ++bit) {
        crc = static_cast<Word>((crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : Word{0}));
      }
      tables[0][byte] = crc;
    }
    for (std::size_t slice = 1; slice < 8; ++slice) {
      for (std::size_t byte = 0; byte < 256; ++byte) {
        const Word before = tables[slice - 1][byte];
        tables[slice][byte] = static_cast<Word>(tables[0][before & 0xffU] ^ (before >> 8U));
      }
    }
    return tables;
  }

  static constexpr Tables kTables = make_tables();
  Word state_ = 0;
};

using Crc32 = Crc<std::uint32_t, 0xedb88320U>;
using Crc32c = Crc<std::uint32_t, 0x82f63b78U>;
using Crc64Nvme = Crc<std::uint64_t, 0x9a6c9329ac4bc9b5U>;

class Evp final {
 public:
  explicit Evp(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new()) {
    if (context_ == nullptr || EVP_DigestInit_ex(context_, algorithm, nullptr) != 1) std::abort();
  }
  Evp(Evp&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  Evp& operator=(Evp&&) = delete;
  ~Evp() { EVP_MD_CTX_free(context_); }

  void update(std::string_view bytes) { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }
  std::string finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_, bytes.data(), &size);
    return {reinterpret_cast<const char*>(bytes.data()), size};
  }

 private:
  EVP_MD_CTX* context_;
};

using AnyDigest = std::variant<Crc32, Crc32c, Crc64Nvme, Evp>;

AnyDigest make(DigestKind kind) {
  switch (kind) {
    case DigestKind::kMd5:
      return Evp(EVP_md5());
    case DigestKind::kSha1:
      return Evp(EVP_sha1());
    case DigestKind::kSha256:
      return Evp(EVP_sha256());
    case DigestKind::kCrc32:
      return Crc32{};
    case DigestKind::kCrc32c:
      return Crc32c{};
    case DigestKind::kCrc64Nvme:
      return Crc64Nvme{};
  }
  std::unreachable();
}

std::string hmac(const EVP_MD* algorithm, std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  HMAC(algorithm, key.data(), static_cast<int>(key.size()), octets(bytes), bytes.size(), raw.data(),
       &size);
  return {reinterpret_cast<const char*>(raw.data()), size};
}

}  // namespace

class Digest::Impl {
 public:
  explicit Impl(DigestKind kind) : digest(make(kind)) {}
  AnyDigest digest;
};

Digest::Digest(DigestKind kind) : impl_(std::make_unique<Impl>(kind)) {}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::update(std::string_view bytes) {
  std::visit([bytes](auto& digest) { digest.update(bytes); }, impl_->digest);
}

std::string Digest::finish() {
  return std::visit([](auto& digest) { return digest.finish(); }, impl_->digest);
}

std::string digest(DigestKind kind, std::string_view bytes) {
  Digest whole(kind);
  whole.update(bytes);
  return whole.finish();
}

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> raw{};
  SHA256(octets(bytes), bytes.size(), raw.data());
  return to_hex({reinterpret_cast<const char*>(raw.data()), raw.size()});
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  return hmac(EVP_sha256(), key, bytes);
}

std::string hmac_sha1(std::string_view key, std::string_view bytes) {
  return hmac(EVP_sha1(), key, bytes);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  // Without entropy nothing that follows would be a secret.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    std::abort();
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::string to_base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), octets(bytes),
                  static_cast<int>(bytes.size()));
  return text;
}

Result<std::string> from_base64(std::string_view text) {
  std::string bytes(3 * (text.size() / 4), '\0');
  const int size = text.size() % 4 != 0
                       ? -1
                       : EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                         octets(text), static_cast<int>(text.size()));
  if (size >= 0) {
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    bytes.resize(static_cast<std::size_t>(size) - padding);
    // OpenSSL skips blanks and takes '=' anywhere.
    if (to_base64(bytes) == text) return bytes;
  }
  return fail(ErrorCode::kInvalidArgument, "not base64 (RFC 4648, with padding)");
}

}  // namespace ae
