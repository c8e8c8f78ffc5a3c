#include "cli/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "base/deadline.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/output.h"
#include "net/http_client.h"

namespace ae::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kStartTimeout = 20s;  // a first start opens three databases and syncs them
constexpr auto kStopTimeout = 10s;
constexpr auto kLockWait = 10s;  // for another command that uses the home folder right now
constexpr auto kPollInterval = 10ms;

class RemoteConnection final : public Connection {
 public:
  explicit RemoteConnection(std::string url) : url_(url), client_(std::move(url)) {}

  Result<net::Response> send(net::Request request) override { return client_.send(request); }
  Result<net::Response> stream(net::Request request,
                               const std::function<bool(std::string_view)>& on_chunk) override {
    return client_.stream(request, on_chunk);
  }
  std::string url() const override { return url_; }

 private:
  std::string url_;
  net::HttpClient client_;
};

class LocalConnection final : public Connection {
 public:
  LocalConnection(HomeLock lock, std::unique_ptr<Instance> instance)
      : lock_(std::move(lock)), instance_(std::move(instance)) {}

  Result<net::Response> send(net::Request request) override {
    return gateway::call(instance_->api(), std::move(request));
  }
  Result<net::Response> stream(net::Request request,
                               const std::function<bool(std::string_view)>& on_chunk) override {
    net::Response response = gateway::call(instance_->api(), std::move(request));
    if (response.status < 400) {
      on_chunk(response.body);
      response.body.clear();
    }
    return response;
  }
  std::string url() const override { return {}; }

 private:
  HomeLock lock_;  // outlives the instance
  std::unique_ptr<Instance> instance_;
};

std::string last_lines(const std::filesystem::path& file) {
  const auto text = read_file(file);
  if (!text) return {};
  const std::string_view tail = trim(*text);
  return std::string(tail.size() > 1000 ? tail.substr(tail.size() - 1000) : tail);
}

// In the child: a session of its own, output to the log, nothing inherited but that.
[[noreturn]] void become_server(const char* program, const char* const* arguments, int log) {
  ::setsid();
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(program, const_cast<char* const*>(arguments));
  ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<Connection>> connect(const Environment& environment) {
  AE_TRY(const Home home, Home::open(environment.config.home));
  AE_TRY(const auto server, home.running_server());
  if (server) return std::make_unique<RemoteConnection>(server->url);
  AE_TRY(HomeLock lock, home.lock(kLockWait));
  AE_TRY(auto instance, environment.open_instance(environment.config));
  return std::make_unique<LocalConnection>(std::move(lock), std::move(instance));
}

Result<std::unique_ptr<Connection>> connect_to_server(
    const Environment& environment, const std::function<void(std::string_view)>& note) {
  AE_TRY(const Home home, Home::open(environment.config.home));
  AE_TRY(const auto server, home.running_server());
  if (server) return std::make_unique<RemoteConnection>(server->url);
  AE_TRY(const ServerInfo started, start_background_server(environment));
  note(fmt::format("started the server at {} (stop it with: ae serve --stop)", started.url));
  return std::make_unique<RemoteConnection>(started.url);
}

Result<ServerInfo> start_background_server(const Environment& environment) {
  AE_TRY(const Home home, Home::open(environment.config.home));
  const std::string log_path = home.log_file().string();
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (log < 0) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("cannot write {}: {}", log_path, std::strerror(errno)));
  }
  const std::string program = environment.program.string();
  const std::string folder = environment.config.home.string();
  const std::string port = std::to_string(environment.config.port);
  const char* const arguments[] = {
      program.c_str(), "serve",      "--home", folder.c_str(),
      "--port",        port.c_str(), "--host", environment.config.host.c_str(),
      nullptr};
  const pid_t child = ::fork();
  if (child == 0) become_server(program.c_str(), arguments, log);
  ::close(log);
  if (child < 0) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("cannot start the server: {}", std::strerror(errno)));
  }
  const Deadline deadline = Deadline::after(kStartTimeout);
  while (!deadline.reached()) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) {
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("the server did not start: {}", last_lines(home.log_file())));
    }
    const auto text = read_file(home.folder() / "server.json", 64UL << 10U);
    if (text) {
      const auto info = json::parse(*text);
      const Json* pid = info ? json::find(*info, "pid") : nullptr;
      if (pid != nullptr && pid->is_number_integer() && pid->get<int>() == child) {
        return ServerInfo{child, json::string_or(*info, "url")};
      }
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return fail(ErrorCode::kDeadlineExceeded,
              fmt::format("the server did not listen within {} s: {}", kStartTimeout.count(),
                          last_lines(home.log_file())));
}

Result<bool> stop_server(const Environment& environment) {
  AE_TRY(const Home home, Home::open(environment.config.home));
  AE_TRY(const auto server, home.running_server());
  if (!server) return false;
  ::kill(server->pid, SIGTERM);
  if (home.lock(kStopTimeout).has_value()) return true;
  ::kill(server->pid, SIGKILL);
  AE_CHECK(home.lock(kStopTimeout));
  return true;
}

Result<Json> get_json(Connection& connection, std::string target) {
  net::Request request{.method = "GET",
                       .target = std::move(target),
                       .headers = {{"Accept", "application/json"}},
                       .body = {}};
  AE_TRY(const net::Response response, connection.send(std::move(request)));
  return body_of(response);
}

Result<Json> post_json(Connection& connection, std::string target, const Json& body,
                       net::Headers headers) {
  headers.emplace_back("Content-Type", "application/json");
  net::Request request{.method = "POST",
                       .target = std::move(target),
                       .headers = std::move(headers),
                       .body = json::dump(body)};
  AE_TRY(const net::Response response, connection.send(std::move(request)));
  return body_of(response);
}

}  // namespace ae::cli
