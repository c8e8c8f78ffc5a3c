#include "faas/internal/relay.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "faas/internal/relay_proxy.h"
#include "net/http_message.h"

namespace ae::faas {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBuffer = 64UL << 10U;  // for each direction
constexpr std::size_t kMaxOfGroup = 128;      // connections of one worker
constexpr milliseconds kOpening{30'000};      // from a connection to its other end, all in all
constexpr milliseconds kRetry{100};           // to accept again when descriptors ran out
constexpr std::size_t kResolvers = 2;
constexpr std::size_t kMaxLookups = 256;

enum Side : std::uint64_t { kDoor = 0, kClient = 1, kServer = 2 };
constexpr std::uint64_t kSides = 4;

// Bytes on their way in one direction.
struct Flow {
  std::string bytes;
  bool ended = false;  // nothing more comes in
  bool shut = false;   // and the other end knows

  bool has_room() const { return bytes.size() < kBuffer; }
};

// False when the connection is broken.
bool fill(int socket, Flow& flow) {
  static thread_local std::array<char, kBuffer> piece;
  const std::size_t room = kBuffer - std::min(kBuffer, flow.bytes.size());
  const ssize_t got = ::recv(socket, piece.data(), std::min(room, piece.size()), 0);
  if (got > 0) flow.bytes.append(piece.data(), static_cast<std::size_t>(got));
  if (got == 0) flow.ended = true;
  return got >= 0 || errno == EAGAIN || errno == EINTR;
}

bool drain(int socket, Flow& flow) {
  if (!flow.bytes.empty()) {
    const ssize_t sent = ::send(socket, flow.bytes.data(), flow.bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    flow.bytes.erase(0, static_cast<std::size_t>(sent));
  }
  if (flow.bytes.empty() && flow.ended && !flow.shut) {
    ::shutdown(socket, SHUT_WR);
    flow.shut = true;
  }
  return true;
}

std::string bytes_of(const sockaddr* address, socklen_t size) {
  return {reinterpret_cast<const char*>(address), size};
}

std::string unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return bytes_of(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// Blocks.
std::vector<std::string> look_up(const Egress& host, Reach reach, std::string& problem) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(host.host.c_str(), std::to_string(host.port).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, &::freeaddrinfo);
  if (error != 0) {
    problem = fmt::format("{} cannot be found: {}", host.host, ::gai_strerror(error));
    return {};
  }
  std::vector<std::string> addresses;
  for (const addrinfo* one = all.get(); one != nullptr; one = one->ai_next) {
    if (!may_reach(*one->ai_addr, reach)) continue;
    addresses.push_back(bytes_of(one->ai_addr, one->ai_addrlen));
  }
  if (addresses.empty()) {
    problem = fmt::format("{} is an address of this machine or of a private network", host.host);
  }
  return addresses;
}

}  // namespace

struct Relay::Connection {
  enum class State { kAsking, kLookingUp, kConnecting, kOpen, kRefused };

  std::uint64_t id = 0;
  std::uint64_t group = 0;
  State state = State::kConnecting;
  UniqueFd client;
  UniqueFd server;
  std::array<std::uint32_t, 3> watched{};  // by side
  Flow up;                                 // client to server
  Flow down;
  std::vector<Egress> allowed;         // of a proxy
  std::vector<std::string> addresses;  // still to be tried
  SteadyTime deadline = SteadyTime::max();
  bool is_proxy = false;
  bool tunnel = false;

  UniqueFd& end(std::uint64_t side) { return side == kClient ? client : server; }
};

Result<std::shared_ptr<Relay>> Relay::start() {
  AE_TRY(std::unique_ptr<Poller> poller, Poller::create());
  try {
    return std::shared_ptr<Relay>(new Relay(std::move(poller)));
  } catch (const std::system_error& error) {  // no thread to be had
    return fail(ErrorCode::kUnavailable, fmt::format("cannot start the relay: {}", error.what()));
  }
}

Relay::Relay(std::unique_ptr<Poller> poller)
    : poller_(std::move(poller)), resolver_(kResolvers, kMaxLookups) {
  thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  poller_->wake();
  thread_.join();
}

void Relay::add(std::uint64_t group, std::vector<UniqueFd> listeners,
                std::vector<RelayTarget> targets) {
  if (listeners.empty() || listeners.size() != targets.size()) return;
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(
        {.group = group, .listeners = std::move(listeners), .targets = std::move(targets)});
  }
  poller_->wake();
}

void Relay::remove(std::uint64_t group) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back({.group = group, .listeners = {}, .targets = {}});
  }
  poller_->wake();
}

void Relay::run() {
  while (true) {
    const std::span<const epoll_event> ready = poller_->wait();
    std::vector<Command> commands;
    std::vector<Resolved> resolved;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      commands.swap(commands_);
      resolved.swap(resolved_);
    }
    for (const epoll_event& event : ready) {
      const std::uint64_t id = event.data.u64 / kSides;
      const std::uint64_t side = event.data.u64 % kSides;
      if (id == 0) {
        if (event.data.u64 == Poller::kTimerToken) check_deadlines();
      } else if (const auto door = doors_.find(id); door != doors_.end()) {
        accept(id, door->second);
      } else if (const auto found = connections_.find(id); found != connections_.end()) {
        on_ready(*found->second, side, event.events);
      }
    }
    for (Resolved& one : resolved) on_resolved(std::move(one));
    for (Command& command : commands) obey(std::move(command));
  }
}

void Relay::obey(Command command) {
  if (command.listeners.empty()) {
    std::erase_if(doors_, [&](const auto& door) { return door.second.group == command.group; });
    std::vector<std::uint64_t> gone;
    for (const auto& [id, connection] : connections_) {
      if (connection->group == command.group) gone.push_back(id);
    }
    for (const std::uint64_t id : gone) close(id);
    open_.erase(command.group);
    return;
  }
  for (std::size_t i = 0; i < command.listeners.size(); ++i) {
    const std::uint64_t id = ++last_;
    poller_->watch(command.listeners[i].get(), EPOLLIN, id * kSides + kDoor);
    doors_.emplace(id, Door{.listener = std::move(command.listeners[i]),
                            .target = std::move(command.targets[i]),
                            .group = command.group});
  }
}

void Relay::accept(std::uint64_t id, Door& door) {
  UniqueFd client(::accept4(door.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      poller_->change(door.listener.get(), 0, id * kSides + kDoor);  // it would stay ready
      door.paused = any_paused_ = true;
      arm(SystemClock::instance().steady_now() + kRetry);
    }
    return;
  }
  if (open_[door.group] >= kMaxOfGroup) return;  // closes it
  ++open_[door.group];
  auto connection = std::make_unique<Connection>();
  connection->id = ++last_;
  connection->group = door.group;
  connection->client = std::move(client);
  connection->deadline = SystemClock::instance().steady_now() + kOpening;
  arm(connection->deadline);
  Connection& added = *connection;
  connections_.emplace(added.id, std::move(connection));
  open(added, door.target);
}

void Relay::open(Connection& connection, const RelayTarget& target) {
  if (const auto* proxy = std::get_if<ToProxy>(&target)) {
    connection.allowed = proxy->allowed;
    connection.is_proxy = true;
    connection.state = Connection::State::kAsking;
    return watch(connection);
  }
  if (const auto* host = std::get_if<ToHost>(&target)) {
    return resolve(connection, host->host, host->host.reach);
  }
  connection.addresses = {unix_address(std::get<ToUnixSocket>(target).path)};
  connect_next(connection);
}

void Relay::read_proxy_request(Connection& connection) {
  std::size_t consumed = 0;
  auto request = parse_proxy_request(connection.up.bytes, consumed);
  if (!request) return refuse(connection, 400, request.error().message);
  if (!*request) {
    if (connection.up.ended) return close(connection.id);
    return watch(connection);
  }
  const ProxyRequest& asked = **request;
  const auto entry = std::ranges::find_if(
      connection.allowed, [&](const Egress& one) { return one.covers(asked.host, asked.port); });
  if (entry == connection.allowed.end()) {
    return refuse(connection, 403,
                  fmt::format("{}:{} is not among the egress that the function declares",
                              asked.host, asked.port));
  }
  connection.up.bytes.replace(0, consumed, asked.head);
  connection.tunnel = asked.tunnel;
  resolve(connection, {.host = asked.host, .port = asked.port, .reach = entry->reach},
          entry->reach);
}

void Relay::resolve(Connection& connection, const Egress& host, Reach reach) {
  connection.state = Connection::State::kLookingUp;
  watch(connection);
  const bool accepted = resolver_.post([this, id = connection.id, host, reach] {
    Resolved resolved{.connection = id, .addresses = {}, .problem = {}};
    resolved.addresses = look_up(host, reach, resolved.problem);
    {
      const std::lock_guard lock(mutex_);
      resolved_.push_back(std::move(resolved));
    }
    poller_->wake();
  });
  if (!accepted) refuse(connection, 503, "too many names are being looked up");
}

void Relay::on_resolved(Resolved resolved) {
  const auto found = connections_.find(resolved.connection);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  if (resolved.addresses.empty()) {
    log::warning("a function's connection is refused: {}", resolved.problem);
    return refuse(connection, 403, resolved.problem);
  }
  connection.addresses = std::move(resolved.addresses);
  connect_next(connection);
}

void Relay::connect_next(Connection& connection) {
  connection.state = Connection::State::kConnecting;
  while (!connection.addresses.empty()) {
    const std::string address = std::move(connection.addresses.front());
    connection.addresses.erase(connection.addresses.begin());
    const auto* to = reinterpret_cast<const sockaddr*>(address.data());
    connection.watched[kServer] = 0;
    connection.server =
        UniqueFd(::socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!connection.server) continue;
    if (::connect(connection.server.get(), to, static_cast<socklen_t>(address.size())) == 0) {
      return on_connected(connection);
    }
    if (errno == EINPROGRESS) return watch(connection);
  }
  connection.server.reset();
  refuse(connection, 502, "the host does not take connections");
}

void Relay::on_connected(Connection& connection) {
  connection.state = Connection::State::kOpen;
  connection.deadline = SteadyTime::max();
  const int yes = 1;
  for (const UniqueFd* end : {&connection.client, &connection.server}) {
    ::setsockopt(end->get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);  // no TCP: no effect
  }
  if (connection.tunnel) connection.down.bytes = "HTTP/1.1 200 Connection established\r\n\r\n";
  move(connection);
}

void Relay::refuse(Connection& connection, int status, const std::string& why) {
  if (!connection.is_proxy) {
    // A reset, as from a host that does not listen; an orderly end would look like an empty answer.
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(connection.client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return close(connection.id);
  }
  connection.state = Connection::State::kRefused;
  connection.up.bytes.clear();
  connection.down.bytes = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n"
      "\r\n{}\n",
      status, net::reason_phrase(status), why.size() + 1, why);
  connection.down.ended = true;
  if (!drain(connection.client.get(), connection.down)) return close(connection.id);
  watch(connection);
}

void Relay::on_ready(Connection& connection, std::uint64_t side, std::uint32_t events) {
  using State = Connection::State;
  if (connection.state == State::kConnecting && side == kServer) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(connection.server.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? on_connected(connection) : connect_next(connection);
  }
  if (connection.state == State::kOpen) return move(connection);
  if (side != kClient) return;
  if (connection.state == State::kRefused) {
    // What the client still sends is of no interest, but unread it would turn the end into a reset.
    const bool good = fill(connection.client.get(), connection.up) &&
                      drain(connection.client.get(), connection.down);
    connection.up.bytes.clear();
    if (!good || connection.up.ended) return close(connection.id);
    return watch(connection);
  }
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 || !fill(connection.client.get(), connection.up)) {
    return close(connection.id);
  }
  connection.state == State::kAsking ? read_proxy_request(connection) : watch(connection);
}

void Relay::move(Connection& connection) {
  const auto carry = [](UniqueFd& from, UniqueFd& to, Flow& flow) {
    if (!flow.ended && flow.has_room() && !fill(from.get(), flow)) return false;
    return drain(to.get(), flow);
  };
  if (!carry(connection.client, connection.server, connection.up) ||
      !carry(connection.server, connection.client, connection.down) ||
      (connection.up.shut && connection.down.shut)) {
    return close(connection.id);
  }
  watch(connection);
}

// A descriptor without interest leaves epoll, which would report its hang-up over and over.
void Relay::watch(Connection& connection) {
  using State = Connection::State;
  const State state = connection.state;
  const auto set = [&](std::uint64_t side, std::uint32_t events) {
    const UniqueFd& end = connection.end(side);
    std::uint32_t& now = connection.watched[side];
    if (!end || events == now) return;
    const std::uint64_t token = connection.id * kSides + side;
    if (now == 0) {
      poller_->watch(end.get(), events, token);
    } else if (events == 0) {
      poller_->forget(end.get());
    } else {
      poller_->change(end.get(), events, token);
    }
    now = events;
  };
  const bool reads = state == State::kAsking || state == State::kOpen || state == State::kRefused;
  std::uint32_t client = 0;
  if (reads && !connection.up.ended && connection.up.has_room()) client |= EPOLLIN;
  if (!connection.down.bytes.empty()) client |= EPOLLOUT;
  set(kClient, client);
  std::uint32_t server = 0;
  if (state == State::kConnecting) server = EPOLLOUT;
  if (state == State::kOpen) {
    if (!connection.down.ended && connection.down.has_room()) server |= EPOLLIN;
    if (!connection.up.bytes.empty()) server |= EPOLLOUT;
  }
  set(kServer, server);
}

void Relay::close(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  if (const auto count = open_.find(found->second->group); count != open_.end()) {
    if (--count->second == 0) open_.erase(count);
  }
  connections_.erase(found);
  if (any_paused_) wake_doors();
}

void Relay::wake_doors() {
  any_paused_ = false;
  for (auto& [id, door] : doors_) {
    if (!std::exchange(door.paused, false)) continue;
    poller_->change(door.listener.get(), EPOLLIN, id * kSides + kDoor);
  }
}

void Relay::arm(SteadyTime at) {
  if (at >= armed_) return;
  armed_ = at;
  poller_->set_timer(at);
}

void Relay::check_deadlines() {
  armed_ = SteadyTime::max();
  if (any_paused_) wake_doors();
  const SteadyTime now = SystemClock::instance().steady_now();
  std::vector<std::uint64_t> late;
  SteadyTime next = SteadyTime::max();
  for (const auto& [id, connection] : connections_) {
    if (connection->deadline <= now) {
      late.push_back(id);
    } else {
      next = std::min(next, connection->deadline);
    }
  }
  for (const std::uint64_t id : late) close(id);
  arm(next);
}

}  // namespace ae::faas
