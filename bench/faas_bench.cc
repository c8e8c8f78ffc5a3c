// A warm and a cold call of a Python handler, against what Python itself costs in the same run.
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "base/file.h"
#include "bench/report.h"
#include "faas/faas_engine.h"

namespace {

using ae::Json;
using Clock = std::chrono::steady_clock;
using Micros = std::chrono::duration<double, std::micro>;

constexpr const char* kPython = "/usr/bin/python3";
constexpr const char* kHandler =
    "def handler(event, context):\n"
    "    return {'step': 'a', 'ok': True, 'payload': event['payload']}\n";
// The least that a warm Python worker can be: JSON both ways over one socket, a length before each.
constexpr const char* kBareWorker = R"(
import json, socket, struct
def handler(event): return {'step': 'a', 'ok': True, 'payload': event['payload']}
s = socket.socket(fileno=0)
while True:
    head = s.recv(4)
    if not head: break
    event = json.loads(s.recv(struct.unpack('<I', head)[0]))
    out = json.dumps(handler(event)).encode()
    s.sendall(struct.pack('<I', len(out)) + out)
)";

double quantile(std::vector<double>& values, double q) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

pid_t spawn_python(const char* code, int stdin_fd) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (stdin_fd >= 0) posix_spawn_file_actions_adddup2(&actions, stdin_fd, 0);
  const char* arguments[] = {kPython, "-s", "-c", code, nullptr};
  const char* environment[] = {"PATH=/usr/bin:/bin", "LANG=en_US.UTF-8", nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, kPython, &actions, nullptr, const_cast<char**>(arguments),
                                const_cast<char**>(environment));
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    fmt::print(stderr, "cannot start {}: {}\n", kPython, std::strerror(error));
    std::exit(1);
  }
  return pid;
}

class BareWorker final {
 public:
  BareWorker() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::exit(1);
    pid_ = spawn_python(kBareWorker, ends[1]);
    close(ends[1]);
    socket_ = ends[0];
  }
  ~BareWorker() {
    close(socket_);
    waitpid(pid_, nullptr, 0);
  }
  BareWorker(const BareWorker&) = delete;
  BareWorker& operator=(const BareWorker&) = delete;

  void call(const std::string& payload) {
    const auto size = static_cast<std::uint32_t>(payload.size());
    std::string out(reinterpret_cast<const char*>(&size), sizeof size);
    out += payload;
    if (write(socket_, out.data(), out.size()) < 0) std::exit(1);
    char answer[4096];
    std::uint32_t expected = 0;
    std::size_t have = 0;
    while (have < 4 || have < 4 + expected) {
      const ssize_t got = read(socket_, answer + have, sizeof answer - have);
      if (got <= 0) std::exit(1);
      have += static_cast<std::size_t>(got);
      if (have >= 4) std::memcpy(&expected, answer, 4);
    }
  }

 private:
  pid_t pid_ = -1;
  int socket_ = -1;
};

class Functions final {
 public:
  explicit Functions(std::size_t max_workers) {
    std::ofstream(home_.path() / "app.py") << kHandler;
    ae::faas::FaasOptions options;
    options.run_folder = home_.path() / "run";
    options.state_folder = home_.path() / "state";
    options.python = kPython;
    options.max_workers = max_workers;
    options.max_workers_per_function = max_workers;
    auto engine = ae::faas::FaasEngine::start(options);
    if (!engine) {
      fmt::print(stderr, "{}\n", engine.error().describe());
      std::exit(1);
    }
    engine_ = *std::move(engine);
  }

  std::shared_ptr<const ae::dag::FunctionSpec> version(const std::string& version) const {
    auto spec = std::make_shared<ae::dag::FunctionSpec>();
    spec->name = "step";
    spec->version = version;
    spec->binding = ae::dag::LocalPackage{
        .folder = home_.path().string(), .handler = "app.handler", .runtime = "python3.11"};
    return spec;
  }

  void begin(const std::shared_ptr<const ae::dag::FunctionSpec>& spec, const Json& input,
             ae::execute::FunctionInvoker::Done done) {
    ae::execute::Invocation invocation;
    invocation.request_id = fmt::format("r{}", ++requests_);
    invocation.function = spec;
    invocation.input = input;
    engine_->invoke(std::move(invocation), std::move(done));
  }

  void call(const std::shared_ptr<const ae::dag::FunctionSpec>& spec, const Json& input) {
    std::binary_semaphore answered{0};
    begin(spec, input, [&](const ae::execute::InvocationResult& result) {
      if (result.fault || result.error) {
        fmt::print(stderr, "the call failed: {}\n",
                   result.error ? result.error->message : result.fault->describe());
        std::exit(1);
      }
      answered.release();
    });
    answered.acquire();
  }

 private:
  ae::TemporaryFolder home_{"ae-bench"};
  std::unique_ptr<ae::faas::FaasEngine> engine_;
  std::atomic<std::uint64_t> requests_{0};
};

template <class Call>
void time_into(std::vector<double>& times, int count, Call call) {
  for (int i = 0; i < count; ++i) {
    const auto begun = Clock::now();
    call();
    times.push_back(Micros(Clock::now() - begun).count());
  }
}

// Each call is made by the callback of the one before, as the orchestrator goes on to the next
// step.
void time_chain(std::vector<double>& times, int count, Functions& functions,
                const std::shared_ptr<const ae::dag::FunctionSpec>& spec, const Json& input) {
  std::binary_semaphore finished{0};
  auto begun = Clock::now();
  std::function<void()> next = [&] {
    begun = Clock::now();
    functions.begin(spec, input, [&](const ae::execute::InvocationResult&) {
      times.push_back(Micros(Clock::now() - begun).count());
      if (--count > 0) return next();
      finished.release();
    });
  };
  next();
  finished.acquire();
}

// In short turns, so that a busy neighbour slows all down.
void warm_calls(ae::bench::Report& report) {
  Functions functions(1);
  BareWorker bare;
  const auto spec = functions.version("v");
  const Json input{{"payload", std::string(180, 'x')}};
  const std::string text = ae::json::dump(input);
  std::vector<double> theirs;
  std::vector<double> chained;
  std::vector<double> awaited;
  std::vector<double> warming;
  time_into(warming, 200, [&] {
    functions.call(spec, input);
    bare.call(text);
  });
  const auto end = Clock::now() + std::chrono::duration<double>(report.seconds());
  while (Clock::now() < end) {
    time_into(theirs, 50, [&] { bare.call(text); });
    time_chain(chained, 50, functions, spec, input);
    time_into(awaited, 50, [&] { functions.call(spec, input); });
  }
  const double bare_p50 = quantile(theirs, 0.5);
  report.add("bare Python worker, p50", bare_p50, "us");
  report.add("bare Python worker, p99", quantile(theirs, 0.99), "us");
  report.add("warm call, invoke to callback, p50", quantile(chained, 0.5), "us");
  report.add("warm call, invoke to callback, p99", quantile(chained, 0.99), "us");
  report.add("warm call, a thread waits for it, p50", quantile(awaited, 0.5), "us");
  report.add("invoke to callback / bare worker, p50", quantile(chained, 0.5) / bare_p50, "x");
  report.add("a waiting thread / bare worker, p50", quantile(awaited, 0.5) / bare_p50, "x");
}

void cold_calls(ae::bench::Report& report) {
  Functions functions(64);
  const Json input{{"payload", "x"}};
  std::vector<double> spawns;
  std::vector<double> ours;
  for (int i = 0; i < 40; ++i) {
    time_into(spawns, 1, [] { waitpid(spawn_python("pass", -1), nullptr, 0); });
    time_into(ours, 1, [&] { functions.call(functions.version(std::to_string(i)), input); });
  }
  const double spawn_p50 = quantile(spawns, 0.5) / 1000;
  const double our_p50 = quantile(ours, 0.5) / 1000;
  report.add("python3 -c pass, spawn to exit, p50", spawn_p50, "ms");
  report.add("cold start, call to answer, p50", our_p50, "ms");
  report.add("cold start beyond the interpreter, p50", our_p50 - spawn_p50, "ms");
}

void throughput(ae::bench::Report& report, std::size_t workers) {
  Functions functions(workers);
  const auto spec = functions.version("v");
  const Json input{{"payload", std::string(180, 'x')}};
  std::atomic<std::uint64_t> answered{0};
  std::counting_semaphore<64> free_slots(64);
  const auto end = Clock::now() + std::chrono::duration<double>(report.seconds());
  while (Clock::now() < end) {
    free_slots.acquire();
    functions.begin(spec, input, [&](const ae::execute::InvocationResult&) {
      ++answered;
      free_slots.release();
    });
  }
  for (int i = 0; i < 64; ++i) free_slots.acquire();
  report.add(fmt::format("calls, 64 in flight, {} worker{}", workers, workers == 1 ? "" : "s"),
             static_cast<double>(answered) / report.seconds(), "1/s");
}

}  // namespace

int main(int argc, char** argv) {
  ae::bench::Report report(
      "faas",
      "a Python handler of two lines, 200 bytes of JSON in and out; the bare worker speaks JSON "
      "over a socket pair to the calling thread and checks nothing",
      argc, argv);
  warm_calls(report);
  cold_calls(report);
  throughput(report, 1);
  throughput(report, 2);
  return report.finish();
}
