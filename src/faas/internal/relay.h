// Carries connections from inside sandboxes to where they may go: the buckets' Unix socket,
// declared hosts, or, through a small HTTP proxy, whatever declared patterns cover.
//
// The listening sockets were made inside the sandbox's network namespace and handed out, so a
// function connects to its own loopback and nothing of ours runs in there. One thread for all; it
// sleeps while nothing moves. Each direction has a buffer of its own: who does not read is not sent
// more, and what one side has finished the other side still may answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "faas/internal/poller.h"
#include "faas/internal/relay_egress.h"
#include "faas/internal/unique_fd.h"

namespace ae::faas {

struct ToUnixSocket {
  std::string path;
};
struct ToHost {
  Egress host;  // no pattern
};
struct ToProxy {
  std::vector<Egress> allowed;
};
using RelayTarget = std::variant<ToUnixSocket, ToHost, ToProxy>;

// Threads: any.
class Relay final {
 public:
  // Errors: kUnavailable.
  static Result<std::shared_ptr<Relay>> start();
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Serves each listener until remove(). As many targets as listeners.
  void add(std::uint64_t group, std::vector<UniqueFd> listeners, std::vector<RelayTarget> targets);
  // Closes the group's listeners and connections.
  void remove(std::uint64_t group);

 private:
  struct Connection;
  struct Door {
    UniqueFd listener;
    RelayTarget target;
    std::uint64_t group = 0;
    bool paused = false;
  };
  struct Command {
    std::uint64_t group = 0;
    std::vector<UniqueFd> listeners;  // none: remove
    std::vector<RelayTarget> targets;
  };
  struct Resolved {
    std::uint64_t connection = 0;
    std::vector<std::string> addresses;  // bytes of a sockaddr each, those that may be reached
    std::string problem;
  };

  explicit Relay(std::unique_ptr<Poller> poller);
  void run();
  void obey(Command command);
  void accept(std::uint64_t id, Door& door);
  void open(Connection& connection, const RelayTarget& target);
  void read_proxy_request(Connection& connection);
  void resolve(Connection& connection, const Egress& host, Reach reach);
  void on_resolved(Resolved resolved);
  void connect_next(Connection& connection);
  void on_connected(Connection& connection);
  void refuse(Connection& connection, int status, const std::string& why);
  void on_ready(Connection& connection, std::uint64_t side, std::uint32_t events);
  void move(Connection& connection);
  void watch(Connection& connection);
  void close(std::uint64_t id);
  void check_deadlines();
  void arm(SteadyTime at);
  void wake_doors();

  const std::unique_ptr<Poller> poller_;
  std::mutex mutex_;
  std::vector<Command> commands_;
  std::vector<Resolved> resolved_;
  bool stopping_ = false;

  // Of the thread alone:
  std::map<std::uint64_t, Door> doors_;
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::map<std::uint64_t, std::size_t> open_;  // connections by group
  std::uint64_t last_ = 0;
  bool any_paused_ = false;
  SteadyTime armed_ = SteadyTime::max();

  ThreadPool resolver_;  // looking up a name blocks
  std::thread thread_;
};

}  // namespace ae::faas
