// `ae secret`: names may be seen, values only go in. They never pass through the server's API.
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <string>

#include "base/secret_store.h"
#include "cli/commands.h"
#include "cli/home.h"

namespace ae::cli {
namespace {

Result<SecretStore> open_store(const Session& session) {
  const Config& config = session.environment.config;
  AE_TRY(const Home home, Home::open(config.home));
  return SecretStore(home.folder() / "secrets", config.secrets_key);
}

// What is typed at a terminal is not shown while this lives.
class Silence final {
 public:
  Silence() : terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!terminal_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~Silence() {
    if (terminal_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  bool terminal() const { return terminal_; }

 private:
  termios before_{};
  const bool terminal_;
};

// A line from a terminal, everything from a file or pipe; without the line end that editors add.
std::string read_value(const Output& out, const std::string& name) {
  const Silence silence;
  if (silence.terminal()) out.note(fmt::format("value of {} (not shown):", name));
  std::string value;
  char piece[4096];
  ssize_t got = 0;
  while (value.size() <= SecretStore::kMaxValueBytes &&
         (got = ::read(STDIN_FILENO, piece, sizeof piece)) > 0) {
    value.append(piece, static_cast<std::size_t>(got));
    if (silence.terminal() && value.ends_with('\n')) break;
  }
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return value;
}

}  // namespace

Result<int> set_secret(const Session& session, const std::string& name) {
  AE_TRY(SecretStore store, open_store(session));
  AE_CHECK(store.set(name, read_value(session.out, name)));
  session.out.note(
      fmt::format("{} is kept; functions that declare it find it when they start next", name));
  return 0;
}

Result<int> list_secrets(const Session& session) {
  AE_TRY(const SecretStore store, open_store(session));
  AE_TRY(const auto names, store.names());
  if (!session.out.text()) {
    session.out.document(Json(names));
    return 0;
  }
  for (const std::string& name : names) session.out.line(name);
  if (names.empty()) session.out.note("no secrets; keep one with: ae secret set NAME");
  return 0;
}

Result<int> remove_secret(const Session& session, const std::string& name) {
  AE_TRY(SecretStore store, open_store(session));
  AE_TRY(const bool removed, store.remove(name));
  if (!removed) return fail(ErrorCode::kNotFound, fmt::format("there is no secret {}", name));
  session.out.note(fmt::format("{} is forgotten; functions that run keep it until they end", name));
  return 0;
}

}  // namespace ae::cli
