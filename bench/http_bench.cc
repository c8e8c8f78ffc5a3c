// The HTTP server against the least a server can do: an epoll loop that finds Content-Length and
// sends the body back. Both run on one thread, against the same client thread, in turns.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "bench/report.h"
#include "net/http_server.h"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "http_bench: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int require(int result, const char* what) {
  if (result < 0) die(what);
  return result;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  require(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// Length of the first message (head and body) in text, 0 while it is not complete.
std::size_t message_length(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const std::size_t mark = text.substr(0, end).find("Content-Length: ");
  if (mark == std::string_view::npos) return end + 4;
  const std::size_t length = end + 4 + std::strtoul(text.data() + mark + 16, nullptr, 10);
  return text.size() >= length ? length : 0;
}

// Messages are small enough to arrive and leave whole: anything else ends the benchmark.
class BareServer final {
 public:
  BareServer() : listener_(require(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    require(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), "bind");
    require(listen(listener_, 1024), "listen");
    require(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~BareServer() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  BareServer(const BareServer&) = delete;
  BareServer& operator=(const BareServer&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  void run() {
    const int epoll = require(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    watch(epoll, listener_);
    std::array<epoll_event, 128> events;
    while (!stopping_) {
      const int count = epoll_wait(epoll, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd != listener_) {
          serve(fd);
        } else if (const int peer = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); peer >= 0) {
          set_no_delay(peer);
          watch(epoll, peer);
        }
      }
    }
    close(epoll);
  }

  static void serve(int fd) {
    std::array<char, 4096> buffer;
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      close(fd);
      return;
    }
    const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
    if (message_length(text) != text.size()) die("a request arrived in parts");
    const std::string_view body = text.substr(text.find("\r\n\r\n") + 4);
    std::array<char, 4096> out;
    const auto end = fmt::format_to_n(out.data(), out.size(),
                                      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                      "Content-Length: {}\r\n\r\n{}",
                                      body.size(), body);
    if (send(fd, out.data(), end.size, MSG_NOSIGNAL) < 0) close(fd);
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

struct Sample {
  double per_second;
  double server_microseconds;  // processor time of everything but the client, per request
  double median_microseconds;  // round trip
};

double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A closed loop: each connection sends its next request when the answer to the last has arrived.
class Client final {
 public:
  Client(std::uint16_t port, int connections)
      : epoll_(require(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
    const std::string body = fmt::format("{{\"user_id\":\"anna_123\",\"text\":\"{:x<165}\"}}", "");
    request_ = fmt::format(
        "POST /v1/echo HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUser-Agent: bench\r\nAccept: */*\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        port, body.size(), body);
    for (int i = 0; i < connections; ++i) {
      const int fd = require(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
      const sockaddr_in address = loopback(port);
      require(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
      set_no_delay(fd);
      watch(epoll_, fd);
      sent_at_[fd] = {};
    }
  }
  ~Client() {
    for (const auto& [fd, at] : sent_at_) close(fd);
    close(epoll_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Sample run(double seconds) {
    std::vector<double> latencies;
    latencies.reserve(1'000'000);
    const double process_before = cpu_seconds(RUSAGE_SELF);
    const double client_before = cpu_seconds(RUSAGE_THREAD);
    const auto begin = Clock::now();
    const auto end =
        begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    for (auto& [fd, at] : sent_at_) ask(fd, at);
    std::size_t open = sent_at_.size();
    std::array<epoll_event, 128> events;
    while (open > 0) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        auto& at = sent_at_[fd];
        read_answer(fd);
        const auto now = Clock::now();
        latencies.push_back(std::chrono::duration<double, std::micro>(now - at).count());
        if (now < end) {
          ask(fd, at);
        } else {
          --open;
        }
      }
    }
    const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    const double client = cpu_seconds(RUSAGE_THREAD) - client_before;
    const double server = cpu_seconds(RUSAGE_SELF) - process_before - client;
    const auto answers = static_cast<double>(latencies.size());
    std::ranges::nth_element(latencies, latencies.begin() + std::ssize(latencies) / 2);
    return {answers / elapsed, server * 1e6 / answers, latencies[latencies.size() / 2]};
  }

 private:
  void ask(int fd, Clock::time_point& at) {
    at = Clock::now();
    if (send(fd, request_.data(), request_.size(), MSG_NOSIGNAL) < 0) die("send");
  }

  static void read_answer(int fd) {
    std::array<char, 4096> buffer;
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) die("the server hung up");
    const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
    if (!text.starts_with("HTTP/1.1 200 ") || message_length(text) != text.size()) {
      die("an answer was not 200, or arrived in parts");
    }
  }

  int epoll_;
  std::string request_;
  std::unordered_map<int, Clock::time_point> sent_at_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double median_of(const std::vector<Sample>& samples, double Sample::* field) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(sample.*field);
  return median(std::move(values));
}

void compare(ae::bench::Report& report, std::uint16_t bare, std::uint16_t ours, int connections) {
  constexpr int kRounds = 3;  // in turns, so that a busy moment of the machine hits both
  std::vector<Sample> of_bare;
  std::vector<Sample> of_ours;
  for (int i = 0; i < kRounds; ++i) {
    of_bare.push_back(Client(bare, connections).run(report.seconds()));
    of_ours.push_back(Client(ours, connections).run(report.seconds()));
  }
  const auto row = [&](std::string_view name, double Sample::* field, const char* unit) {
    const double theirs = median_of(of_bare, field);
    const double mine = median_of(of_ours, field);
    report.add(fmt::format("c={} {}, bare epoll", connections, name), theirs, unit);
    report.add(fmt::format("c={} {}, net::HttpServer", connections, name), mine, unit);
    return mine / theirs;
  };
  const double throughput = row("throughput", &Sample::per_second, "requests/s");
  const double cpu = row("server processor time", &Sample::server_microseconds, "us/request");
  row("round trip, median", &Sample::median_microseconds, "us");
  report.add(fmt::format("c={} throughput ratio (goal: 0.6)", connections), throughput, "x");
  report.add(fmt::format("c={} processor time ratio", connections), cpu, "x");
}

}  // namespace

int main(int argc, char** argv) {
  ae::bench::Report report(
      "http",
      "POST of a 200-byte JSON object, sent back by a handler on the event loop; keep-alive, "
      "loopback, one server thread, one client thread, closed loop with c connections; medians of "
      "3",
      argc, argv);
  auto ours = ae::net::HttpServer::start(
      ae::net::TcpEndpoint{}, [](const std::shared_ptr<ae::net::Exchange>& exchange) {
        ae::net::Response response;
        response.headers.emplace_back("Content-Type", "application/json");
        response.body = exchange->request().body;
        exchange->respond(std::move(response));
      });
  if (!ours) {
    std::fprintf(stderr, "%s\n", ours.error().describe().c_str());
    return 1;
  }
  const BareServer bare;
  for (const int connections : {1, 64}) compare(report, bare.port(), (*ours)->port(), connections);
  return report.finish();
}
