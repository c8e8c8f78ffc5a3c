// A warm and a cold call of a Python handler, against what Python itself costs in the same run.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "bench/report.h"
#include "faas/faas_engine.h"

namespace {

using ae::Json;
using ae::faas::SandboxMode;
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
  explicit Functions(std::size_t max_workers, SandboxMode sandbox = SandboxMode::kOff) {
    std::ofstream(home_.path() / "app.py") << kHandler;
    ae::faas::FaasOptions options;
    options.run_folder = home_.path() / "run";
    options.state_folder = home_.path() / "state";
    options.python = kPython;
    options.max_workers = max_workers;
    options.max_workers_per_function = max_workers;
    options.sandbox = sandbox;
    auto engine = ae::faas::FaasEngine::start(options);
    if (!engine) {
      fmt::print(stderr, "{}\n", engine.error().describe());
      std::exit(1);
    }
    engine_ = *std::move(engine);
  }

  ae::faas::FaasEngine::Stats stats() const { return engine_->stats(); }

  std::shared_ptr<const ae::dag::FunctionSpec> version(const std::string& version) const {
    auto spec = std::make_shared<ae::dag::FunctionSpec>();
    spec->name = "step";
    spec->runtime.timeout = std::chrono::seconds(60);
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

const char* name_of(SandboxMode sandbox) {
  return sandbox == SandboxMode::kOff ? "no sandbox" : "sandbox";
}

// In short turns, so that a busy neighbour slows all down.
void warm_calls(ae::bench::Report& report) {
  Functions open(1, SandboxMode::kOff);
  Functions shut(1, SandboxMode::kAuto);
  BareWorker bare;
  const auto open_spec = open.version("v");
  const auto shut_spec = shut.version("v");
  const Json input{{"payload", std::string(180, 'x')}};
  const std::string text = ae::json::dump(input);
  std::vector<double> theirs;
  std::vector<double> chained[2];
  std::vector<double> awaited[2];
  std::vector<double> warming;
  time_into(warming, 200, [&] {
    open.call(open_spec, input);
    shut.call(shut_spec, input);
    bare.call(text);
  });
  const auto end = Clock::now() + std::chrono::duration<double>(2 * report.seconds());
  while (Clock::now() < end) {
    time_into(theirs, 50, [&] { bare.call(text); });
    time_chain(chained[0], 50, open, open_spec, input);
    time_chain(chained[1], 50, shut, shut_spec, input);
    time_into(awaited[0], 50, [&] { open.call(open_spec, input); });
    time_into(awaited[1], 50, [&] { shut.call(shut_spec, input); });
  }
  const double bare_p50 = quantile(theirs, 0.5);
  report.add("bare Python worker, p50", bare_p50, "us");
  report.add("bare Python worker, p99", quantile(theirs, 0.99), "us");
  for (const int i : {0, 1}) {
    const char* name = name_of(i == 0 ? SandboxMode::kOff : SandboxMode::kAuto);
    report.add(fmt::format("warm call, {}, p50", name), quantile(chained[i], 0.5), "us");
    report.add(fmt::format("warm call, {}, p99", name), quantile(chained[i], 0.99), "us");
    report.add(fmt::format("  a thread waits for it, {}, p50", name), quantile(awaited[i], 0.5),
               "us");
    report.add(fmt::format("warm call / bare worker, {}, p50", name),
               quantile(chained[i], 0.5) / bare_p50, "x");
    report.add(fmt::format("  a waiting thread / bare worker, {}, p50", name),
               quantile(awaited[i], 0.5) / bare_p50, "x");
  }
}

void cold_calls(ae::bench::Report& report) {
  Functions open(64, SandboxMode::kOff);
  Functions shut(64, SandboxMode::kAuto);
  const Json input{{"payload", "x"}};
  std::vector<double> spawns;
  std::vector<double> ours[2];
  for (int i = 0; i < 40; ++i) {
    time_into(spawns, 1, [] { waitpid(spawn_python("pass", -1), nullptr, 0); });
    time_into(ours[0], 1, [&] { open.call(open.version(std::to_string(i)), input); });
    time_into(ours[1], 1, [&] { shut.call(shut.version(std::to_string(i)), input); });
  }
  const double spawn_p50 = quantile(spawns, 0.5) / 1000;
  report.add("python3 -c pass, spawn to exit, p50", spawn_p50, "ms");
  for (const int i : {0, 1}) {
    const char* name = name_of(i == 0 ? SandboxMode::kOff : SandboxMode::kAuto);
    const double our_p50 = quantile(ours[i], 0.5) / 1000;
    report.add(fmt::format("cold start to answer, {}, p50", name), our_p50, "ms");
    report.add(fmt::format("  beyond the interpreter, {}, p50", name), our_p50 - spawn_p50, "ms");
  }
}

double processor_ms() {
  double total = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    total += 1000.0 * static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
             static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
  }
  return total;
}

// Processor time of a process that is not ours to wait for yet.
double process_ms(pid_t pid) {
  std::ifstream stat(fmt::format("/proc/{}/schedstat", pid));
  double nanoseconds = 0;
  stat >> nanoseconds;
  return nanoseconds / 1e6;
}

void idle_costs(ae::bench::Report& report) {
  Functions functions(8);
  const Json input{{"payload", "x"}};
  // 500 functions are known by name; one is called and then left alone.
  std::vector<std::shared_ptr<const ae::dag::FunctionSpec>> known;
  for (int i = 0; i < 500; ++i) known.push_back(functions.version(std::to_string(i)));
  report.add("workers of 500 functions before any call",
             static_cast<double>(functions.stats().workers), "");
  functions.call(known.front(), input);
  const auto children = [] {
    std::vector<pid_t> pids;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream list(task.path() / "children");
      for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
    }
    return pids;
  };
  const std::vector<pid_t> workers = children();
  double before = processor_ms();
  for (const pid_t pid : workers) before += process_ms(pid);
  std::this_thread::sleep_for(std::chrono::duration<double>(report.seconds()));
  double after = processor_ms();
  for (const pid_t pid : workers) after += process_ms(pid);
  report.add("processor time of an idle worker and its engine", (after - before) / report.seconds(),
             "ms/s");
}

// A closed loop of callers, each of whom calls four functions in turn, as runs of a workflow do.
void busy_functions(ae::bench::Report& report, std::size_t workers) {
  constexpr int kCallers = 64;
  Functions functions(workers);
  std::vector<std::shared_ptr<const ae::dag::FunctionSpec>> specs;
  for (const char* name : {"a", "b", "c", "d"}) specs.push_back(functions.version(name));
  const Json input{{"payload", std::string(180, 'x')}};
  std::atomic<std::uint64_t> runs{0};
  std::atomic<bool> over{false};
  std::counting_semaphore<kCallers> finished(0);
  std::function<void(std::size_t)> step = [&](std::size_t at) {
    functions.begin(specs[at], input, [&, at](const ae::execute::InvocationResult&) {
      if (at + 1 < specs.size()) return step(at + 1);
      ++runs;
      if (over) return finished.release();
      step(0);
    });
  };
  for (int i = 0; i < kCallers; ++i) step(0);
  // The first second belongs to the cold starts.
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const std::uint64_t before = runs;
  const std::size_t starts = functions.stats().cold_starts;
  std::this_thread::sleep_for(std::chrono::duration<double>(2 * report.seconds()));
  report.add(fmt::format("64 callers of 4 functions, {} workers", workers),
             static_cast<double>(runs - before) / (2 * report.seconds()), "runs/s");
  report.add(fmt::format("  cold starts meanwhile, {} workers", workers),
             static_cast<double>(functions.stats().cold_starts - starts) / (2 * report.seconds()),
             "1/s");
  over = true;
  for (int i = 0; i < kCallers; ++i) finished.acquire();
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
  busy_functions(report, 32);
  busy_functions(report, 16);
  busy_functions(report, 8);
  idle_costs(report);
  return report.finish();
}
