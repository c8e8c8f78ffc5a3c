// Zip archives made byte by byte, for tests: also those that no honest program would make.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ae::repository::internal {

struct ZipEntry {
  std::string name;
  std::string content;
  std::uint32_t mode = 0100644;  // with the file's type
  std::uint16_t flags = 0;       // 1: encrypted
  std::uint16_t method = 0;      // 0: stored
};

inline std::uint32_t crc32_of(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ (0xedb88320U & (0U - (crc & 1U)));
  }
  return ~crc;
}

inline void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out += static_cast<char>(value & 0xffU);
    value >>= 8U;
  }
}

// What the local header and the directory have in common.
inline void put_common(std::string& out, const ZipEntry& entry, std::uint32_t crc) {
  put(out, 20, 2);
  put(out, entry.flags, 2);
  put(out, entry.method, 2);
  put(out, 0, 4);  // time and date
  put(out, crc, 4);
  put(out, entry.content.size(), 4);
  put(out, entry.content.size(), 4);
  put(out, entry.name.size(), 2);
}

inline std::string make_zip(const std::vector<ZipEntry>& entries) {
  std::string zip;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    const std::uint32_t crc = crc32_of(entry.content);
    const std::size_t offset = zip.size();
    zip += "PK\x03\x04";
    put_common(zip, entry, crc);
    put(zip, 0, 2);
    zip += entry.name + entry.content;
    directory += "PK\x01\x02";
    put(directory, (3U << 8U) | 20U, 2);  // made on Unix
    put_common(directory, entry, crc);
    put(directory, 0, 2);
    put(directory, 0, 2);
    put(directory, 0, 2);
    put(directory, 0, 2);
    put(directory, std::uint64_t{entry.mode} << 16U, 4);
    put(directory, offset, 4);
    directory += entry.name;
  }
  const std::size_t begin = zip.size();
  zip += directory;
  zip += "PK\x05\x06";
  put(zip, 0, 4);
  put(zip, entries.size(), 2);
  put(zip, entries.size(), 2);
  put(zip, directory.size(), 4);
  put(zip, begin, 4);
  put(zip, 0, 2);
  return zip;
}

}  // namespace ae::repository::internal
