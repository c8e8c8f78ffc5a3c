#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/commands.h"

namespace ae::cli {
namespace {

// Blocks until SIGINT or SIGTERM. The signals are blocked in every thread (see serve), so none is
// lost between starting and waiting.
void wait_for_stop_signal(const sigset_t& signals) {
  int received = 0;
  ::sigwait(&signals, &received);
}

Result<int> serve_here(const Session& session) {
  const Config& config = session.environment.config;
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  // Before any thread starts, so that all of them inherit it.
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  AE_TRY(const Home home, Home::open(config.home));
  AE_TRY(const HomeLock lock, home.lock(std::chrono::milliseconds{2'000}));
  AE_TRY(const auto instance, session.environment.open_instance(config));
  AE_TRY(const std::string url, instance->serve());
  AE_CHECK(home.publish_server({static_cast<int>(::getpid()), url}));
  session.out.line(
      fmt::format("Action Engine listens at {} (home folder {})", url, config.home.string()));
  wait_for_stop_signal(signals);
  home.withdraw_server();
  session.out.line("stopping");
  return 0;
}

}  // namespace

Result<int> serve(const Session& session, const ServeOptions& options) {
  if (options.stop) {
    AE_TRY(const bool stopped, stop_server(session.environment));
    session.out.line(stopped ? "the server has stopped" : "no server was running");
    return 0;
  }
  if (!options.detach) return serve_here(session);
  AE_TRY(const Home home, Home::open(session.environment.config.home));
  AE_TRY(const auto running, home.running_server());
  if (running) {
    session.out.line(fmt::format("Action Engine already runs at {}", running->url));
    return 0;
  }
  AE_TRY(const ServerInfo started, start_background_server(session.environment));
  session.out.line(fmt::format("Action Engine runs at {} (process {}; log {})", started.url,
                               started.pid, home.log_file().string()));
  return 0;
}

Result<int> version(const Session& session) {
  if (session.out.text()) {
    session.out.line("ae " AE_VERSION);
  } else {
    session.out.document(Json{{"version", AE_VERSION}});
  }
  return 0;
}

}  // namespace ae::cli
