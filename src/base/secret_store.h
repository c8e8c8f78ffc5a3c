// Values that functions need and nobody else may read, kept encrypted (AES-256-GCM) in one file.
//
// The file says which names there are; each value is sealed for its own name, so that none can be
// put in the place of another. The key is never beside it: whoever copies the data folder has no
// secrets.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ae {

// Threads and processes: any; changes exclude each other, readers see the old file or the new one.
class SecretStore final {
 public:
  static constexpr std::size_t kMaxValueBytes = 64UL << 10U;

  // `key` is 64 hexadecimal digits, or the path of a file that holds them, of mode 0600 and not in
  // the folder of `file`; it is made with the first secret.
  SecretStore(std::filesystem::path file, std::string key);

  // In alphabetical order. Errors: what is wrong with the file.
  Result<std::vector<std::string>> names() const;
  // nullopt: there is none of that name. Errors: kPermissionDenied for a key that is missing, wrong
  // or open to others; kInternal for a damaged file.
  Result<std::optional<std::string>> get(std::string_view name) const;
  // Errors: kInvalidArgument for a name that is no name of an environment variable and for a value
  // that no variable can have, and those of get().
  Result<void> set(std::string_view name, std::string_view value);
  // False: there was none.
  Result<bool> remove(std::string_view name);

 private:
  using Key = std::array<std::uint8_t, 32>;
  enum class Missing { kIsAnError, kIsMade };
  Result<Key> key(Missing missing) const;

  const std::filesystem::path file_;
  const std::string key_;
};

}  // namespace ae
