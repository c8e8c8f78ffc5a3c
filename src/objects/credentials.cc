#include "objects/credentials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

namespace ae::objects {
namespace {

// Access key ids are letters and digits. "AE" says whose they are, the third letter which kind.
constexpr std::string_view kRootPrefix = "AER";
constexpr std::string_view kFunctionPrefix = "AEF";
constexpr std::size_t kSecretCharacters = 40;  // as AWS's
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

std::string to_base32(std::string_view bytes) {
  std::string text;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : bytes) {
    held = (held << 8U) | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 5; bits -= 5) text += kBase32[(held >> (bits - 5)) & 31U];
  }
  if (bits > 0) text += kBase32[(held << (5 - bits)) & 31U];
  return text;
}

// Only what to_base32() writes.
std::optional<std::string> from_base32(std::string_view text) {
  std::string bytes;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const std::size_t digit = kBase32.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    held = (held << 5U) | static_cast<unsigned>(digit);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>((held >> bits) & 0xffU));
  }
  if (to_base32(bytes) != text) return std::nullopt;
  return bytes;
}

std::string value_of(std::string_view text, std::string_view name) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos && trim(line.substr(0, equals)) == name) {
      return std::string(trim(line.substr(equals + 1)));
    }
  }
  return {};
}

Result<void> require_private(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077U) != 0) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("{} holds a secret and may be read by others; run: chmod 600 {}",
                            file.string(), file.string()));
  }
  return {};
}

// The file has its mode before it has its content.
Result<void> write_private(const std::filesystem::path& file, std::string_view text) {
  const auto fresh = file.string() + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = fd >= 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!written || ::rename(fresh.c_str(), file.c_str()) != 0) {
    return fail(ErrorCode::kPermissionDenied, fmt::format("cannot write {}: {}", file.string(),
                                                          std::generic_category().message(errno)));
  }
  return {};
}

}  // namespace

Result<Credentials> Credentials::open(const std::filesystem::path& file,
                                      std::optional<net::AwsCredentials> also) {
  const auto text = read_file(file, 64UL << 10U);
  if (text) {
    AE_CHECK(require_private(file));
    net::AwsCredentials root{value_of(*text, "aws_access_key_id"),
                             value_of(*text, "aws_secret_access_key")};
    if (root.access_key_id.empty() || root.secret_access_key.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} lacks aws_access_key_id or aws_secret_access_key; remove it, and "
                              "the next start makes a new one",
                              file.string()));
    }
    return Credentials(std::move(root), std::move(also));
  }
  if (text.error().code != ErrorCode::kNotFound) return fail(text.error());
  net::AwsCredentials root{std::string(kRootPrefix) + to_base32(random_bytes(10)).substr(0, 17),
                           to_base64(random_bytes(30)).substr(0, kSecretCharacters)};
  AE_CHECK(write_private(
      file, fmt::format("# Signs requests to this home's buckets and functions. Keep it secret.\n"
                        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                        root.access_key_id, root.secret_access_key)));
  return Credentials(std::move(root), std::move(also));
}

net::AwsCredentials Credentials::of_function(std::string_view function) const {
  const std::string secret =
      hmac_sha256(root_.secret_access_key, "action-engine function key\n" + std::string(function));
  return {std::string(kFunctionPrefix) + to_base32(function),
          to_base64(secret).substr(0, kSecretCharacters)};
}

std::optional<Credentials::Principal> Credentials::find(std::string_view access_key_id) const {
  if (access_key_id == root_.access_key_id) return Principal{"", root_.secret_access_key};
  if (also_ && access_key_id == also_->access_key_id) {
    return Principal{"", also_->secret_access_key};
  }
  if (!access_key_id.starts_with(kFunctionPrefix)) return std::nullopt;
  auto function = from_base32(access_key_id.substr(kFunctionPrefix.size()));
  if (!function || function->empty()) return std::nullopt;
  std::string secret = of_function(*function).secret_access_key;
  return Principal{*std::move(function), std::move(secret)};
}

}  // namespace ae::objects
