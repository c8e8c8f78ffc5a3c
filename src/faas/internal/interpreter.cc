#include "faas/internal/interpreter.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "base/deadline.h"
#include "faas/internal/process.h"

namespace ae::faas {
namespace {

constexpr std::chrono::seconds kPatience{3};
constexpr std::size_t kMaxAnswer = 4096;

int read_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{}) text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc{} ? number : 0;
}

// What it prints, as far as it comes within the time given.
Result<std::string> ask(const std::filesystem::path& program) {
  ProcessSpec spec;
  spec.arguments = {program.string(), "--version"};
  spec.environment = {"PATH=/usr/local/bin:/usr/bin:/bin"};
  spec.folder = "/";
  spec.memory_mb = 1024;
  AE_TRY(std::unique_ptr<Process> process, Process::spawn(spec));
  const Deadline deadline = Deadline::after(kPatience);
  std::string answer;
  while (!deadline.reached() && answer.size() < kMaxAnswer) {
    pollfd ready{.fd = process->output(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 100) <= 0) continue;
    char piece[512];
    const ssize_t got = ::read(process->output(), piece, sizeof piece);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) break;
    answer.append(piece, static_cast<std::size_t>(got));
  }
  return answer;
}

// "Python 3.11.2", "v20.20.2", and nothing that merely has digits in it.
std::optional<Version> parse_answer(std::string_view answer) {
  const bool node = answer.size() > 1 && answer[0] == 'v' && answer[1] >= '0' && answer[1] <= '9';
  return node || answer.starts_with("Python ") ? parse_version(answer) : std::nullopt;
}

Result<std::optional<Version>> find_out(const std::filesystem::path& program) {
  if (::access(program.c_str(), X_OK) != 0) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("there is no program {}", program.string()));
  }
  std::error_code error;
  const std::string name = std::filesystem::canonical(program, error).filename().string();
  if (!error && name.starts_with("python3.")) return parse_version(name);
  AE_TRY(const std::string answer, ask(program));
  return parse_answer(answer);
}

struct Known {
  std::filesystem::file_time_type written;
  std::optional<Version> version;
};

}  // namespace

std::optional<Version> parse_version(std::string_view text) {
  const std::size_t digit = text.find_first_of("0123456789");
  if (digit == std::string_view::npos) return std::nullopt;
  text.remove_prefix(digit);
  Version version{.major = read_number(text)};
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    version.minor = read_number(text);
  }
  return version;
}

Result<std::optional<Version>> version_of(const std::filesystem::path& program) {
  static std::mutex mutex;
  static std::map<std::filesystem::path, Known> known;
  std::error_code error;
  const auto written = std::filesystem::last_write_time(program, error);
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(program); found != known.end() && !error) {
    if (found->second.written == written) return found->second.version;
  }
  AE_TRY(const std::optional<Version> version, find_out(program));
  known[program] = {.written = written, .version = version};
  return version;
}

}  // namespace ae::faas
