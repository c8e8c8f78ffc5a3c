#include "faas/internal/worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/hash.h"
#include "faas/internal/api_messages.h"
#include "faas/internal/peer.h"

namespace ae::faas {
namespace {

constexpr std::string_view kApi = "/2018-06-01/runtime";
constexpr std::size_t kMaxConnections = 8;        // at one time; a runtime client uses one or two
constexpr std::size_t kMaxRefused = 64;           // then the worker is broken or hostile
constexpr std::size_t kReadBytes = 256UL << 10U;  // more than a socket or a pipe holds
constexpr double kBetweenShare = 0.25;

constexpr std::size_t kMaxListeners = 2;  // Unix, TCP

enum Slot : std::uint64_t {
  kProcessSlot,
  kOutputSlot,
  kControlSlot,
  kFirstListenerSlot,
  kFirstConnectionSlot = kFirstListenerSlot + kMaxListeners
};
static_assert(kFirstConnectionSlot + kMaxConnections <= Worker::kSlots);

Result<UniqueFd> listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the path {} is too long for a Unix socket ({} bytes at most)", path,
                            sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(path.c_str());
  if (!socket || ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), 8) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("cannot listen on the worker socket {}: {}",
                                                     path, std::strerror(errno)));
  }
  return socket;
}

std::string header_or_empty(const net::Headers& headers, std::string_view name) {
  return std::string(net::find_header(headers, name).value_or(""));
}

constexpr const char* kErrorType = "Lambda-Runtime-Function-Error-Type";
constexpr const char* kErrorBody = "Lambda-Runtime-Function-Error-Body";
constexpr const char* kResponseMode = "Lambda-Runtime-Function-Response-Mode";

HandlerFailure failure_of(ApiRequest request) {
  return {.body = std::move(request.request.body),
          .type = header_or_empty(request.request.headers, kErrorType)};
}

// A streamed response that failed half-way says so in trailers, the error as base64.
Outcome answer_of(ApiRequest request, std::string_view mode) {
  std::string type = header_or_empty(request.trailers, kErrorType);
  const std::string error = header_or_empty(request.trailers, kErrorBody);
  if (!type.empty() || !error.empty()) {
    return HandlerFailure{.body = from_base64(error).value_or(error), .type = std::move(type)};
  }
  return HandlerResponse{.body = std::move(request.request.body),
                         .oversize_bytes = request.oversize_bytes,
                         .streamed = mode == "streaming",
                         .content_type = header_or_empty(request.request.headers, "Content-Type")};
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::start(WorkerSettings settings) {
  AE_TRY(UniqueFd listener, listen_on(settings.socket_path));
  Result<std::unique_ptr<Process>> process = Process::spawn(settings.process);
  if (!process) {
    ::unlink(settings.socket_path.c_str());
    return fail(std::move(process).error());
  }
  return std::unique_ptr<Worker>(
      new Worker(std::move(settings), std::move(listener), *std::move(process)));
}

Worker::Worker(WorkerSettings settings, UniqueFd listener, std::unique_ptr<Process> process)
    : settings_(std::move(settings)),
      process_(std::move(process)),
      connections_(kMaxConnections),
      log_(settings_.max_log_bytes) {
  listeners_.push_back({.socket = std::move(listener), .peers = Peers::kOfSession});
}

Worker::~Worker() { ::unlink(settings_.socket_path.c_str()); }

void Worker::watch(Poller& poller) {
  poller_ = &poller;
  poller.watch(process_->pidfd(), EPOLLIN, token(settings_.id, kProcessSlot));
  poller.watch(process_->output(), EPOLLIN, token(settings_.id, kOutputSlot));
  if (process_->control() >= 0) {
    poller.watch(process_->control(), EPOLLIN, token(settings_.id, kControlSlot));
  }
  for (std::size_t index = 0; index < listeners_.size(); ++index) {
    poller.watch(listeners_[index].socket.get(), EPOLLIN,
                 token(settings_.id, kFirstListenerSlot + index));
  }
}

Result<void> Worker::add_listener(UniqueFd listener, Peers peers) {
  if (listeners_.size() == kMaxListeners) {
    return fail(ErrorCode::kFailedPrecondition, "a worker listens on two sockets at most");
  }
  const int flags = ::fcntl(listener.get(), F_GETFL);
  if (flags < 0 || ::fcntl(listener.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot serve a worker's socket: {}", std::strerror(errno)));
  }
  if (poller_ != nullptr) {
    poller_->watch(listener.get(), EPOLLIN,
                   token(settings_.id, kFirstListenerSlot + listeners_.size()));
  }
  listeners_.push_back({.socket = std::move(listener), .peers = peers});
  return {};
}

std::vector<WorkerEvent> Worker::on_ready(std::uint64_t token) {
  std::vector<WorkerEvent> events;
  const std::uint64_t slot = token % kSlots;
  if (slot == kOutputSlot) {
    read_output(kReadBytes);
  } else if (slot == kControlSlot) {
    poller_->forget(process_->control());  // it has nothing else to say while it lives
    for (UniqueFd& listener : process_->take_listeners()) {
      if (!add_listener(std::move(listener), Peers::kAll)) end(Reason::kCannotStart);
    }
  } else if (slot >= kFirstListenerSlot && slot - kFirstListenerSlot < listeners_.size()) {
    accept_connection(listeners_[slot - kFirstListenerSlot]);
  } else if (slot >= kFirstConnectionSlot && slot - kFirstConnectionSlot < connections_.size()) {
    const std::size_t index = slot - kFirstConnectionSlot;
    if (connections_[index].wants_write) flush(index);
    read_connection(index, events);
  }
  return events;
}

std::vector<WorkerEvent> Worker::drain_connections() {
  std::vector<WorkerEvent> events;
  for (const Listener& listener : listeners_) accept_connection(listener);
  for (std::size_t index = 0; index < connections_.size(); ++index) {
    while (connections_[index].socket) {
      int unread = 0;
      ::ioctl(connections_[index].socket.get(), FIONREAD, &unread);
      read_connection(index, events);
      if (unread == 0) break;
    }
  }
  return events;
}

void Worker::accept_connection(const Listener& listener) {
  UniqueFd socket(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket || phase_ == Phase::kEnding) return;
  if (listener.peers == Peers::kOfSession && !is_peer_of_session(socket.get(), process_->pid())) {
    return;
  }
  for (std::size_t index = 0; index < connections_.size(); ++index) {
    Connection& connection = connections_[index];
    if (connection.socket) continue;
    connection = Connection{.socket = std::move(socket),
                            .reader = std::make_unique<RequestReader>(settings_.max_response_bytes),
                            .out = {}};
    poller_->watch(connection.socket.get(), EPOLLIN,
                   token(settings_.id, kFirstConnectionSlot + index));
    return;
  }
}

void Worker::read_connection(std::size_t index, std::vector<WorkerEvent>& events) {
  Connection& connection = connections_[index];
  if (!connection.socket) return;
  static thread_local std::vector<char> piece(kReadBytes);
  const ssize_t got = ::recv(connection.socket.get(), piece.data(), piece.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return close(index);
  connection.reader->append({piece.data(), static_cast<std::size_t>(got)});
  read_requests(index, events);
  // An answer may wait while the same connection's GET next does: the worker asked for both at
  // once, so one write later on saves it from being woken for nothing now.
  if (parked_ != index) flush(index);
}

void Worker::read_requests(std::size_t index, std::vector<WorkerEvent>& events) {
  Connection& connection = connections_[index];
  while (connection.socket && !connection.closing) {
    switch (connection.reader->next()) {
      case RequestReader::Progress::kNeedMore:
        return;
      case RequestReader::Progress::kContinue:
        connection.out += "HTTP/1.1 100 Continue\r\n\r\n";
        break;
      case RequestReader::Progress::kComplete: {
        ApiRequest request = connection.reader->take();
        connection.closing = !request.keep_alive;
        handle(index, std::move(request), events);
        break;
      }
      case RequestReader::Progress::kRejected: {
        const net::RequestRejection& why = connection.reader->rejection();
        connection.closing = true;
        refuse(index, why.status, "InvalidRequest", why.detail);
      }
    }
  }
}

void Worker::handle(std::size_t index, ApiRequest request, std::vector<WorkerEvent>& events) {
  const net::Request& http = request.request;
  const std::string target(http.path());
  std::string_view path = target;
  if (!path.starts_with(kApi)) return refuse(index, 404, "NotFound", "no such path: " + target);
  path.remove_prefix(kApi.size());
  const bool get = http.method == "GET";
  if (get && path == "/invocation/next") return handle_next(index, events);
  if (!get && path == "/init/error") return handle_init_error(index, std::move(request), events);
  if (http.method == "POST" && path.starts_with("/invocation/")) {
    path.remove_prefix(std::string_view("/invocation/").size());
    return handle_answer(index, path, std::move(request), events);
  }
  refuse(index, 404, "NotFound", fmt::format("no such request: {} {}", http.method, target));
}

void Worker::handle_next(std::size_t index, std::vector<WorkerEvent>& events) {
  if (phase_ != Phase::kStarting && phase_ != Phase::kReturning) {
    return refuse(index, 403, "InvalidStateTransition",
                  phase_ == Phase::kBusy ? "the current invocation is not answered yet"
                                         : "another request waits for the next invocation");
  }
  parked_ = index;
  phase_ = Phase::kIdle;
  events.emplace_back(WorkerIsReady{});
}

void Worker::handle_answer(std::size_t index, std::string_view path, ApiRequest request,
                           std::vector<WorkerEvent>& events) {
  const std::size_t slash = path.find('/');
  const std::string_view id = path.substr(0, slash);
  const std::string_view what = slash == std::string_view::npos ? "" : path.substr(slash + 1);
  if (what != "response" && what != "error") {
    return refuse(index, 404, "NotFound", "an invocation has a /response and an /error");
  }
  if (phase_ != Phase::kBusy) {
    return refuse(index, 403, "InvalidStateTransition", "no invocation awaits an answer");
  }
  if (id != invocation_->invocation.request_id) {
    return refuse(index, 400, "InvalidRequestID", "that is not the current invocation's id");
  }
  const std::string mode = header_or_empty(request.request.headers, kResponseMode);
  if (what == "response" && !mode.empty() && mode != "streaming") {
    return refuse(index, 400, "InvalidFunctionResponseMode",
                  fmt::format("{} is \"streaming\" or not there", kResponseMode));
  }
  // Before anything else is read: all that the handler printed is in the pipe by now.
  collect_output();
  ++served_;
  phase_ = Phase::kReturning;
  if (request.oversize_bytes > 0) {
    append_refusal(connections_[index].out, 413, "RequestEntityTooLarge",
                   fmt::format("Exceeded maximum allowed payload size ({} bytes).",
                               settings_.max_response_bytes));
  } else {
    append_accepted(connections_[index].out);
  }
  events.emplace_back(WorkerAnswered{what == "response" ? answer_of(std::move(request), mode)
                                                        : Outcome(failure_of(std::move(request)))});
}

void Worker::handle_init_error(std::size_t index, ApiRequest request,
                               std::vector<WorkerEvent>& events) {
  if (phase_ != Phase::kStarting) {
    return refuse(index, 403, "InvalidStateTransition", "the initialisation is over");
  }
  execute::FunctionError error = parse_failure(failure_of(std::move(request)));
  append_accepted(connections_[index].out);
  flush(index);
  collect_output();
  events.emplace_back(WorkerCannotStart{std::move(error)});
}

void Worker::refuse(std::size_t index, int status, std::string_view type,
                    std::string_view message) {
  append_refusal(connections_[index].out, status, type, message);
  if (++refused_ > kMaxRefused) end(Reason::kMisbehaved);
}

bool Worker::dispatch(PendingPtr& pending, SteadyTime deadline_of_invocation,
                      WallTime wall_deadline) {
  if (phase_ != Phase::kIdle || !parked_ || process_->ended()) return false;
  const std::size_t index = *parked_;
  Connection& connection = connections_[index];
  append_invocation(connection.out, *pending, wall_deadline);
  const std::size_t whole = connection.out.size();
  parked_.reset();
  phase_ = Phase::kBusy;
  flush(index);
  if (!connection.socket && connection.out.size() == whole) {
    phase_ = Phase::kReturning;
    return false;
  }
  deadline = deadline_of_invocation;
  invocation_ = std::move(pending);
  invocation_->payload = {};
  return true;
}

void Worker::flush(std::size_t index) {
  Connection& connection = connections_[index];
  std::size_t sent = 0;
  while (connection.socket && sent < connection.out.size()) {
    const ssize_t now = ::send(connection.socket.get(), connection.out.data() + sent,
                               connection.out.size() - sent, MSG_NOSIGNAL);
    if (now > 0) {
      sent += static_cast<std::size_t>(now);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      connection.out.erase(0, sent);
      return close(index);
    }
  }
  connection.out.erase(0, sent);
  if (!connection.socket) return;
  const bool unsent = !connection.out.empty();
  if (!unsent && connection.closing) return close(index);
  if (unsent != connection.wants_write) {
    connection.wants_write = unsent;
    poller_->change(connection.socket.get(), EPOLLIN | (unsent ? EPOLLOUT : 0U),
                    token(settings_.id, kFirstConnectionSlot + index));
  }
}

void Worker::close(std::size_t index) {
  connections_[index].socket.reset();  // leaves epoll with it
  connections_[index].reader.reset();
  if (parked_ == index) {
    parked_.reset();
    if (phase_ == Phase::kIdle) phase_ = Phase::kReturning;
  }
}

void Worker::end(Reason reason) {
  if (reason_ == Reason::kNone) reason_ = reason;
  phase_ = Phase::kEnding;
  killed_ = true;
  process_->kill_group();
}

void Worker::ask_to_end() {
  if (reason_ == Reason::kNone) reason_ = Reason::kNotNeeded;
  phase_ = Phase::kEnding;
  process_->terminate();
}

void Worker::collect_output() {
  int unread = 0;
  if (::ioctl(process_->output(), FIONREAD, &unread) == 0 && unread > 0) {
    read_output(static_cast<std::size_t>(unread));
  }
}

void Worker::read_output(std::size_t limit) {
  static thread_local std::vector<char> piece(kReadBytes);
  const bool between = phase_ == Phase::kIdle || phase_ == Phase::kReturning;
  while (limit > 0) {
    const ssize_t got = ::read(process_->output(), piece.data(), std::min(limit, piece.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) poller_->forget(process_->output());  // closed: it would be ready for ever
    if (got <= 0) return;
    log_.append({piece.data(), static_cast<std::size_t>(got)}, between ? kBetweenShare : 1.0);
    limit -= static_cast<std::size_t>(got);
  }
}

}  // namespace ae::faas
