#include "faas/internal/sweep.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "faas/internal/unique_fd.h"

namespace ae::faas {
namespace {

constexpr int kMaxPasses = 20;
constexpr std::size_t kMaxBytes = 256UL << 10U;

std::string read_all(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file) return text;
  char piece[4096];
  ssize_t got = 0;
  while (text.size() < kMaxBytes && (got = ::read(file.get(), piece, sizeof piece)) > 0) {
    text.append(piece, static_cast<std::size_t>(got));
  }
  return text;
}

// /proc/<pid>/stat: "pid (name) state ppid pgrp session ..."; the name may hold anything.
struct Stat {
  char state = '?';
  pid_t session = 0;
};
std::optional<Stat> read_stat(const std::string& folder) {
  const std::string text = read_all(folder + "/stat");
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= text.size()) return std::nullopt;
  Stat stat;
  stat.state = text[name_end + 2];
  std::size_t at = name_end + 2;
  for (int field = 0; field < 3 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  if (at == std::string::npos) return std::nullopt;
  std::from_chars(text.data() + at + 1, text.data() + text.size(), stat.session);
  return stat;
}

bool has_entry(std::string_view environment, std::string_view marker) {
  for (std::size_t at = 0; at < environment.size();) {
    const std::size_t end = std::min(environment.find('\0', at), environment.size());
    if (environment.substr(at, end - at).starts_with(marker)) return true;
    at = end + 1;
  }
  return false;
}

bool belongs(const std::string& folder, pid_t session, const std::string& marker) {
  const std::optional<Stat> stat = read_stat(folder);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return false;
  if (session != 0 && stat->session == session) return true;
  return has_entry(read_all(folder + "/environ"), marker);
}

std::size_t one_pass(pid_t session, const std::string& marker) {
  std::size_t killed = 0;
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc{} || end != name.data() + name.size() || pid == ::getpid()) continue;
    const std::string folder = "/proc/" + name;
    if (!belongs(folder, session, marker)) continue;
    // The handle first, then a second look: the number may have gone to another process meanwhile.
    const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
    if (!handle || !belongs(folder, session, marker)) continue;
    if (::syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0U) == 0) ++killed;
  }
  return killed;
}

}  // namespace

std::size_t kill_leftovers(pid_t session, const std::string& marker) {
  std::size_t killed = 0;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    const std::size_t now = one_pass(session, marker);
    if (now == 0) break;
    killed += now;
  }
  return killed;
}

}  // namespace ae::faas
