#include "base/id.h"

#include <openssl/rand.h>

#include <array>
#include <chrono>
#include <cstdint>

namespace ae {

std::string new_id(std::string_view prefix) {
  static constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::array<unsigned char, 16> bytes{};
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  for (std::size_t i = 0; i < 6; ++i) {
    bytes[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(now) >> (40 - 8 * i));
  }
  RAND_bytes(bytes.data() + 6, 10);

  std::string text(prefix);
  if (!text.empty()) text += '_';
  // 128 bits as 26 digits of 5 bits; the first digit holds the topmost 3 bits.
  unsigned buffer = 0;
  int bits = 2;
  for (const unsigned char byte : bytes) {
    buffer = (buffer << 8 | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += kDigits[buffer >> bits & 31U];
    }
  }
  return text;
}

}  // namespace ae
