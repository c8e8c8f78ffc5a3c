// The orchestrator alone: a diamond of four no-op functions that answer at once, every result on
// disk before its dependants start. Beside it what the disk does with bare 4 KB appends.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <vector>

#include "base/file.h"
#include "bench/report.h"
#include "execute/journal.h"
#include "execute/orchestrator.h"

namespace {

using namespace ae;  // NOLINT(google-build-using-namespace): a program, not a library
using SteadyClock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "execute_bench: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
T need(Result<T> result) {
  if (!result) die(result.error().describe());
  return *std::move(result);
}

// Some 200 bytes in and out, as in docs' comparison with other engines.
class NoOp final : public execute::FunctionInvoker {
 public:
  void invoke(execute::Invocation, Done done) override {
    execute::InvocationResult result;
    result.output = {{"text", std::string(160, 'x')}, {"number", 42}};
    done(std::move(result));
  }
  void cancel(const std::string&) override {}
};

std::shared_ptr<const dag::LinkedWorkflow> diamond() {
  const Json object = {
      {"type", "object"}, {"properties", {{"text", {{"type", "string"}}}}}, {"required", {"text"}}};
  dag::LinkedWorkflow linked;
  linked.workflow.name = "diamond";
  linked.workflow.inputs = object;
  const auto add = [&](const char* id, dag::Bindings arguments) {
    dag::Node node;
    node.id = dag::NodeId(id);
    node.function = id;
    node.version = "1";
    node.arguments = std::move(arguments);
    linked.workflow.nodes.push_back(std::move(node));
    dag::FunctionSpec spec;
    spec.name = id;
    spec.version = "1";
    spec.input = object;
    spec.output = object;
    spec.binding = dag::LocalPackage{"/none", "none.none", "python3.11"};
    linked.functions.emplace(dag::function_key(id, "1"), std::move(spec));
  };
  const auto text_of = [](const char* id) {
    return dag::Binding{dag::OutputRef{dag::NodeId(id), "text"}};
  };
  add("a", {{"text", {dag::InputRef{"text"}}}});
  add("b", {{"text", text_of("a")}});
  add("c", {{"text", text_of("a")}});
  add("d", {{"text", text_of("b")}, {"other", text_of("c")}});
  linked.workflow.outputs = {{"text", text_of("d")}};
  return std::make_shared<const dag::LinkedWorkflow>(std::move(linked));
}

struct Measured {
  double runs_per_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double commits_per_run = 0;
  double syncs_per_run = 0;
  double cpu_ms_per_run = 0;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Closed loop: each caller starts its next run when its last one is over.
class Load {
 public:
  Load(execute::Orchestrator& orchestrator, double seconds)
      : orchestrator_(orchestrator),
        end_(SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(
                                      std::chrono::duration<double>(seconds))) {}

  std::vector<double> run(int callers) {
    for (int i = 0; i < callers; ++i) next();
    for (int i = 0; i < callers; ++i) finished_.acquire();
    std::ranges::sort(milliseconds_);
    return std::move(milliseconds_);
  }

 private:
  void next() {
    const auto began = SteadyClock::now();
    if (began >= end_) {
      finished_.release();
      return;
    }
    execute::StartRequest request{"diamond", 1, workflow_, {{"text", std::string(160, 'x')}}, ""};
    orchestrator_.start(std::move(request), [this, began](Result<execute::RunId> id) {
      const auto over = [this, began](const execute::RunState& state) {
        if (state.status != execute::RunStatus::kSucceeded) die("a run failed");
        milliseconds_.push_back(
            std::chrono::duration<double, std::milli>(SteadyClock::now() - began).count());
        next();
      };
      need(orchestrator_.when_finished(need(std::move(id)), over));
    });
  }

  execute::Orchestrator& orchestrator_;
  const SteadyClock::time_point end_;
  const std::shared_ptr<const dag::LinkedWorkflow> workflow_ = diamond();
  std::counting_semaphore<> finished_{0};
  std::vector<double> milliseconds_;  // callbacks come one at a time
};

Measured measure(int callers, double seconds) {
  const TemporaryFolder folder("ae-bench");
  const auto database =
      need(store::Database::open(folder.path() / "runs.db", execute::Journal::migration()));
  execute::Journal journal(*database);
  NoOp invoker;
  execute::Orchestrator orchestrator(journal, invoker, SystemClock::instance());
  Load(orchestrator, seconds / 4).run(callers);  // warm up
  const auto commits = journal.stats().transactions;
  const auto syncs = database->syncs();
  const double cpu = cpu_seconds();
  const auto began = SteadyClock::now();
  const std::vector<double> times = Load(orchestrator, seconds).run(callers);
  const double wall = std::chrono::duration<double>(SteadyClock::now() - began).count();
  if (times.empty()) die("no run ended in the time given");
  const auto runs = static_cast<double>(times.size());
  const auto at = [&](double share) {
    return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
  };
  return {runs / wall,
          at(0.5),
          at(0.99),
          static_cast<double>(journal.stats().transactions - commits) / runs,
          static_cast<double>(database->syncs() - syncs) / runs,
          (cpu_seconds() - cpu) * 1000 / runs};
}

// Median of appending 4 KB and fdatasync, in milliseconds.
double append_and_sync_ms(double seconds) {
  const TemporaryFolder folder("ae-bench");
  const int file = open((folder.path() / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  if (file < 0) die("cannot open a file to append to");
  const std::string block(4096, 'x');
  std::vector<double> times;
  const auto end = SteadyClock::now() + std::chrono::duration<double>(seconds);
  while (SteadyClock::now() < end) {
    const auto began = SteadyClock::now();
    if (write(file, block.data(), block.size()) != static_cast<ssize_t>(block.size()) ||
        fdatasync(file) != 0) {
      die("cannot append");
    }
    times.push_back(std::chrono::duration<double, std::milli>(SteadyClock::now() - began).count());
  }
  close(file);
  std::ranges::sort(times);
  return times[times.size() / 2];
}

double resident_mb() {
  std::ifstream file("/proc/self/statm");
  long total = 0;
  long resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Report report("execute",
                       "a -> (b, c) -> d of no-op functions in process, 200-byte JSON, each result "
                       "durable before its dependants start; disk: 4 KB append + fdatasync",
                       argc, argv);
  const double sync = append_and_sync_ms(report.seconds() / 4);
  report.add("disk: append + fdatasync, p50", sync, "ms");
  for (const int callers : {1, 64}) {
    const Measured measured = measure(callers, report.seconds());
    const std::string who = fmt::format("{} caller{}: ", callers, callers == 1 ? "" : "s");
    report.add(who + "runs", measured.runs_per_second, "1/s");
    report.add(who + "p50", measured.p50_ms, "ms");
    report.add(who + "p99", measured.p99_ms, "ms");
    report.add(who + "p50 in appends of the disk", measured.p50_ms / sync, "x");
    report.add(who + "commits per run", measured.commits_per_run, "");
    report.add(who + "syncs per run, checkpoints too", measured.syncs_per_run, "");
    report.add(who + "CPU per run", measured.cpu_ms_per_run, "ms");
  }
  report.add("memory after the runs (resident)", resident_mb(), "MB");
  return report.finish();
}
