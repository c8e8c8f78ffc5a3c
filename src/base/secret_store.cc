#include "base/secret_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <system_error>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

namespace ae {
namespace {

// The file: this line, then "NAME <base64 of nonce, tag and sealed value>" a line.
constexpr std::string_view kHeading = "ae-secrets 1\n";
constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr mode_t kPrivate = 0600;

using Entries = std::map<std::string, std::string, std::less<>>;

std::optional<std::string> from_hex(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && (name.front() < '0' || name.front() > '9') &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

std::unexpected<Error> broken(const std::filesystem::path& file) {
  return fail(
      ErrorCode::kInternal,
      fmt::format("the file of the secrets, {}, is damaged; restore it, or remove it and set "
                  "the secrets again",
                  file.string()));
}

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&::EVP_CIPHER_CTX_free)>;
Cipher new_cipher() { return {::EVP_CIPHER_CTX_new(), &::EVP_CIPHER_CTX_free}; }

// nullopt: the library fails.
std::optional<std::string> seal(const std::uint8_t* key, std::string_view name,
                                std::string_view value) {
  const std::string nonce = random_bytes(kNonce);
  std::string tag(kTag, '\0');
  std::string sealed(value.size(), '\0');
  const Cipher cipher = new_cipher();
  int size = 0;
  const bool good =
      cipher &&
      ::EVP_EncryptInit_ex(cipher.get(), ::EVP_aes_256_gcm(), nullptr, key, raw(nonce)) == 1 &&
      ::EVP_EncryptUpdate(cipher.get(), nullptr, &size, raw(name), static_cast<int>(name.size())) ==
          1 &&
      ::EVP_EncryptUpdate(cipher.get(), raw(sealed), &size, raw(value),
                          static_cast<int>(value.size())) == 1 &&
      ::EVP_EncryptFinal_ex(cipher.get(), raw(sealed) + size, &size) == 1 &&
      ::EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag, tag.data()) == 1;
  if (!good) return std::nullopt;
  return nonce + tag + sealed;
}

// nullopt: another key, another name, or changed bytes.
std::optional<std::string> unseal(const std::uint8_t* key, std::string_view name,
                                  std::string_view sealed) {
  if (sealed.size() < kNonce + kTag) return std::nullopt;
  const std::string_view nonce = sealed.substr(0, kNonce);
  std::string tag(sealed.substr(kNonce, kTag));
  sealed.remove_prefix(kNonce + kTag);
  std::string value(sealed.size(), '\0');
  const Cipher cipher = new_cipher();
  int size = 0;
  const bool good =
      cipher &&
      ::EVP_DecryptInit_ex(cipher.get(), ::EVP_aes_256_gcm(), nullptr, key, raw(nonce)) == 1 &&
      ::EVP_DecryptUpdate(cipher.get(), nullptr, &size, raw(name), static_cast<int>(name.size())) ==
          1 &&
      ::EVP_DecryptUpdate(cipher.get(), raw(value), &size, raw(sealed),
                          static_cast<int>(sealed.size())) == 1 &&
      ::EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) == 1 &&
      ::EVP_DecryptFinal_ex(cipher.get(), raw(value) + size, &size) == 1;
  if (!good) return std::nullopt;
  return value;
}

Result<Entries> read_entries(const std::filesystem::path& file) {
  Entries entries;
  const Result<std::string> text = read_file(file);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) return entries;
    return fail(text.error());
  }
  if (!text->starts_with(kHeading)) return broken(file);
  for (const std::string_view line : split(std::string_view(*text).substr(kHeading.size()), '\n')) {
    if (line.empty()) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return broken(file);
    const Result<std::string> sealed = from_base64(line.substr(space + 1));
    if (!sealed) return broken(file);
    entries.emplace(line.substr(0, space), *sealed);
  }
  return entries;
}

Result<void> write_entries(const std::filesystem::path& file, const Entries& entries) {
  std::string text(kHeading);
  for (const auto& [name, sealed] : entries)
    text += fmt::format("{} {}\n", name, to_base64(sealed));
  AE_CHECK(write_file_atomically(file, text));
  ::chmod(file.c_str(), kPrivate);
  return {};
}

// Held while a change reads, changes and writes.
class ChangeLock final {
 public:
  explicit ChangeLock(const std::filesystem::path& file)
      : file_(::open((file.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kPrivate)) {
    while (file_ >= 0 && ::flock(file_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~ChangeLock() {
    if (file_ >= 0) ::close(file_);
  }
  ChangeLock(const ChangeLock&) = delete;
  ChangeLock& operator=(const ChangeLock&) = delete;
  bool held() const { return file_ >= 0; }

 private:
  const int file_;
};

std::unexpected<Error> not_writable(const std::filesystem::path& file) {
  return fail(ErrorCode::kPermissionDenied,
              fmt::format("cannot write beside {}: {}", file.string(), std::strerror(errno)));
}

}  // namespace

SecretStore::SecretStore(std::filesystem::path file, std::string key)
    : file_(std::move(file)), key_(std::move(key)) {}

Result<SecretStore::Key> SecretStore::key(Missing missing) const {
  Key key{};
  const auto take = [&](std::string_view digits) {
    const auto bytes = from_hex(trim(digits));
    if (!bytes || bytes->size() != key.size()) return false;
    std::memcpy(key.data(), bytes->data(), key.size());
    return true;
  };
  if (take(key_)) return key;
  std::error_code error;
  const std::filesystem::path path = std::filesystem::weakly_canonical(key_, error);
  const std::filesystem::path home = std::filesystem::weakly_canonical(file_.parent_path(), error);
  const auto [in_home, in_path] = std::ranges::mismatch(home, path);
  if (key_.empty() || in_home == home.end()) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("the key of the secrets must not be beside them: \"{}\" is in {}", key_,
                            home.string()));
  }
  if (!std::filesystem::exists(path, error) && missing == Missing::kIsMade) {
    std::filesystem::create_directories(path.parent_path(), error);
    // It must never be readable by others, not for a moment.
    const int made = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kPrivate);
    if (made < 0 && errno != EEXIST) return not_writable(path);
    if (made >= 0) {
      const std::string digits = to_hex(random_bytes(key.size())) + "\n";
      const bool written =
          ::write(made, digits.data(), digits.size()) == static_cast<ssize_t>(digits.size()) &&
          ::fsync(made) == 0;
      ::close(made);
      if (!written) return not_writable(path);
    }
  }
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077U) != 0) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("others may read the key of the secrets; close it with: chmod 600 {}",
                            path.string()));
  }
  const Result<std::string> text = read_file(path);
  if (!text || !take(*text)) {
    return fail(
        ErrorCode::kPermissionDenied,
        fmt::format("the key of the secrets is missing: {} has to hold 64 hexadecimal digits",
                    path.string()));
  }
  return key;
}

Result<std::vector<std::string>> SecretStore::names() const {
  AE_TRY(const Entries entries, read_entries(file_));
  std::vector<std::string> names;
  for (const auto& [name, sealed] : entries) names.push_back(name);
  return names;
}

Result<std::optional<std::string>> SecretStore::get(std::string_view name) const {
  AE_TRY(const Entries entries, read_entries(file_));
  const auto found = entries.find(name);
  if (found == entries.end()) return std::optional<std::string>{};
  AE_TRY(const Key key, key(Missing::kIsAnError));
  std::optional<std::string> value = unseal(key.data(), name, found->second);
  if (!value) {
    return fail(
        ErrorCode::kPermissionDenied,
        fmt::format("the secret {} was not made with this key, or its file is damaged; set it "
                    "again",
                    name));
  }
  return value;
}

Result<void> SecretStore::set(std::string_view name, std::string_view value) {
  if (!is_name(name)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" cannot be a secret's name: it becomes a variable, so letters, "
                            "digits and _ are possible, no digit first",
                            shorten(name, 100)));
  }
  if (value.empty() || value.size() > kMaxValueBytes ||
      value.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the value of {} must have 1 to {} bytes, none of them zero", name,
                            kMaxValueBytes));
  }
  const ChangeLock lock(file_);
  if (!lock.held()) return not_writable(file_);
  AE_TRY(Entries entries, read_entries(file_));
  // A key that is made while there are secrets could open none of them.
  AE_TRY(const Key key, key(entries.empty() ? Missing::kIsMade : Missing::kIsAnError));
  std::optional<std::string> sealed = seal(key.data(), name, value);
  if (!sealed) return fail(ErrorCode::kInternal, "the secret could not be encrypted");
  entries.insert_or_assign(std::string(name), *std::move(sealed));
  return write_entries(file_, entries);
}

Result<bool> SecretStore::remove(std::string_view name) {
  const ChangeLock lock(file_);
  if (!lock.held()) return not_writable(file_);
  AE_TRY(Entries entries, read_entries(file_));
  const auto found = entries.find(name);
  if (found == entries.end()) return false;
  entries.erase(found);
  AE_CHECK(write_entries(file_, entries));
  return true;
}

}  // namespace ae
