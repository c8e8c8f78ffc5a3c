// What a process has used.
#pragma once

#include <fmt/format.h>
#include <sys/types.h>

#include <charconv>
#include <cstdint>
#include <string>

#include "base/file.h"

namespace ae::faas {

// The most memory that the process ever held, in MB; 0 when it is gone. Reads /proc: 20 us.
inline std::int64_t peak_memory_mb(pid_t pid) {
  const Result<std::string> status = read_file(fmt::format("/proc/{}/status", pid));
  if (!status) return 0;
  constexpr std::string_view kField = "\nVmHWM:";
  const std::size_t at = status->find(kField);
  if (at == std::string::npos) return 0;
  const std::size_t digit = status->find_first_of("0123456789", at + kField.size());
  std::int64_t kilobytes = 0;
  if (digit == std::string::npos) return 0;
  std::from_chars(status->data() + digit, status->data() + status->size(), kilobytes);
  return (kilobytes + 1023) / 1024;
}

}  // namespace ae::faas
