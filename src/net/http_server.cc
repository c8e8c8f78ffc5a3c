#include "net/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/log.h"
#include "net/internal/event_loop.h"
#include "net/internal/listener.h"

namespace ae::net {
namespace {

namespace asio = boost::asio;

// Beyond max_connections this many at a time are told so; the rest are closed without a word.
constexpr std::size_t kMaxTurnedAway = 128;

// Out of file descriptors: the kernel keeps newcomers waiting until some are free again.
constexpr std::chrono::milliseconds kAcceptBackOff{50};

// Newcomers taken in one turn, so that a flood of them does not keep the first loop's connections
// waiting.
constexpr int kAcceptsAtOnce = 64;

bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

class HttpServer::Impl final {
 public:
  Impl(internal::Listener listener, Handler handler, const ServerLimits& limits,
       BodyPolicy body_policy)
      : listener_(std::move(listener)),
        port_(listener_->port()),
        family_(listener_->is_tcp() ? AF_INET : AF_UNIX) {
    context_.handler = std::move(handler);
    context_.limits = limits;
    context_.body_policy = std::move(body_policy);
  }
  ~Impl() { stop(std::chrono::milliseconds{0}); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start(std::size_t threads);
  void stop(std::chrono::milliseconds grace);
  std::uint16_t port() const { return port_; }

 private:
  // One acceptor deals connections to the loops. SO_REUSEPORT with an acceptor for each loop would
  // save one hop per connection (not per request), but let a second server share the port
  // unnoticed, and leave the dealing to a hash that may put every connection on one loop.
  asio::awaitable<void> accept();
  int accept_one();
  void stop_accepting();
  void admit(internal::UniqueFd socket);

  internal::ServerContext context_;
  std::optional<internal::Listener> listener_;
  const std::uint16_t port_;
  const int family_;
  std::vector<std::unique_ptr<internal::EventLoop>> loops_;
  // These two belong to the first loop; declared after it, they die before it.
  std::optional<asio::posix::stream_descriptor> acceptor_;
  std::optional<asio::steady_timer> back_off_;
  std::atomic<bool> accepting_ = true;
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

void HttpServer::Impl::start(std::size_t threads) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
    loops_.push_back(std::make_unique<internal::EventLoop>(context_));
  }
  // A descriptor of its own, because Asio closes what it is given.
  internal::UniqueFd copy(fcntl(listener_->fd(), F_DUPFD_CLOEXEC, 0));
  acceptor_.emplace(loops_.front()->context(), copy.get());
  copy.release();
  back_off_.emplace(loops_.front()->context());
  asio::co_spawn(loops_.front()->context(), accept(), asio::detached);
  for (const auto& loop : loops_) loop->start();
}

asio::awaitable<void> HttpServer::Impl::accept() {
  constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
  while (accepting_) {
    const auto [wait_error] =
        co_await acceptor_->async_wait(asio::posix::stream_descriptor::wait_read, kToken);
    if (wait_error) break;
    int error = 0;
    for (int i = 0; i < kAcceptsAtOnce && error == 0 && accepting_; ++i) error = accept_one();
    if (!is_shortage(error)) continue;
    log::warning("HTTP server: cannot accept connections: {}",
                 std::generic_category().message(error));
    back_off_->expires_after(kAcceptBackOff);
    const auto [timer_error] = co_await back_off_->async_wait(kToken);
    if (timer_error) break;
  }
}

// 0, or the reason why there is no further connection to be had now.
int HttpServer::Impl::accept_one() {
  internal::UniqueFd socket(
      ::accept4(acceptor_->native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.get() >= 0) {
    admit(std::move(socket));
    return 0;
  }
  // The newcomer has left already: look for the next.
  return errno == EINTR || errno == ECONNABORTED ? 0 : errno;
}

void HttpServer::Impl::admit(internal::UniqueFd socket) {
  const std::size_t present = context_.connections;
  const std::size_t limit = context_.limits.max_connections;
  if (present >= limit + kMaxTurnedAway) return;
  const auto admission =
      present >= limit ? internal::Admission::kTurnAway : internal::Admission::kServe;
  const auto& loop = *std::ranges::min_element(
      loops_, {}, [](const auto& candidate) { return candidate->load(); });
  loop->adopt(std::move(socket), family_, admission);
}

void HttpServer::Impl::stop_accepting() {
  accepting_ = false;
  boost::system::error_code ignored;
  acceptor_->close(ignored);
  back_off_->cancel();
  listener_.reset();
}

void HttpServer::Impl::stop(std::chrono::milliseconds grace) {
  const std::lock_guard lock(stop_mutex_);
  if (std::exchange(stopped_, true)) return;
  if (!loops_.empty()) {
    (void)loops_.front()->mailbox()->post([this] { stop_accepting(); });
  }
  for (const auto& loop : loops_) loop->begin_stop();
  if (grace.count() > 0) (void)context_.wait_until_empty(grace);
  for (const auto& loop : loops_) loop->finish_stop();
  for (const auto& loop : loops_) loop->join();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const Endpoint& endpoint, Handler handler,
                                                      std::size_t threads,
                                                      const ServerLimits& limits,
                                                      BodyPolicy body_policy) {
  AE_TRY(internal::Listener listener, internal::Listener::open(endpoint));
  try {
    auto impl = std::make_unique<Impl>(std::move(listener), std::move(handler), limits,
                                       std::move(body_policy));
    impl->start(threads);
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
  } catch (const std::system_error& error) {
    return fail(
        ErrorCode::kResourceExhausted,
        fmt::format("cannot start the HTTP server: {}; raise the limits on threads and open "
                    "files (ulimit -u, ulimit -n)",
                    error.what()));
  }
}

Result<PortReservation> PortReservation::make(const std::string& host) {
  AE_TRY(auto bound, internal::bind_free_port(host));
  return PortReservation(bound.first.release(), bound.second);
}

PortReservation::PortReservation(PortReservation&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}

PortReservation::~PortReservation() {
  if (fd_ >= 0) ::close(fd_);
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;
void HttpServer::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }
std::uint16_t HttpServer::port() const { return impl_->port(); }

}  // namespace ae::net
