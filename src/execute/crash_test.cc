// Many runs, and the power fails at any moment. Over a disk that loses or tears what was not
// synced: no acknowledged run and no observed event is ever lost, no recorded step runs again, no
// payment is made twice, and no step begins before what it uses is durable. The same check over a
// disk that forgets syncs must report violations, or it would prove nothing.
//
// AE_SOAK=<seconds> goes on with fresh seeds for so long.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "base/hash.h"
#include "base/log.h"
#include "execute/arguments.h"
#include "execute/internal/test_support.h"
#include "execute/orchestrator.h"
#include "store/power_fail_vfs.h"

namespace ae::execute {
namespace {

using Loss = store::PowerFailVfs::Loss;
using Linked = std::shared_ptr<const dag::LinkedWorkflow>;
using StepKey = std::pair<std::string, std::string>;  // run, node

// A function of name and arguments alone, so that the right result is known beforehand.
Json result_of(const std::string& function, const Json& arguments) {
  return {{"v", sha256_hex(function + json::canonical(arguments)).substr(0, 12)}};
}

Linked random_workflow(std::mt19937_64& random) {
  testing::WorkflowBuilder builder;
  builder.input("x");
  const std::size_t steps = 2 + random() % 6;
  for (std::size_t step = 0; step < steps; ++step) {
    dag::Bindings arguments{{"x", testing::from_input("x")}};
    for (std::size_t producer = 0; producer < step; ++producer) {
      if (random() % 3 != 0) continue;
      const std::string name = "s" + std::to_string(producer);
      arguments.push_back({name, testing::from_step(name.c_str(), "v")});
    }
    const std::string name = "s" + std::to_string(step);
    builder.step(name.c_str(), std::move(arguments)).retry(3);
    builder.output(name.c_str(), testing::from_step(name.c_str(), "v"));
    if (random() % 4 == 0) builder.at_most_once();
  }
  return builder.build();
}

Json expected_outputs(const dag::Workflow& workflow, const Json& input) {
  std::map<dag::NodeId, Json> results;  // the builder declares producers first
  const auto output_of = [&](const dag::NodeId& id) { return &results.at(id); };
  for (const dag::Node& node : workflow.nodes) {
    results[node.id] =
        result_of(node.function, resolve_arguments(node.arguments, input, output_of).value());
  }
  return resolve_arguments(workflow.outputs, input, output_of).value();
}

// The world outside, which remembers over crashes: it runs functions, in any order, and some
// attempts fail for a while.
class World final : public FunctionInvoker {
 public:
  explicit World(std::uint64_t seed) : random_(seed), thread_([this] { work(); }) {}
  ~World() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void invoke(Invocation invocation, Done done) override {
    const std::lock_guard lock(mutex_);
    ++calls_[{invocation.run_id, invocation.node_id}];
    if (recorded_.contains({invocation.run_id, invocation.node_id})) {
      violations_.push_back("recorded step runs again: " + invocation.run_id + " " +
                            invocation.node_id);
    }
    pending_.push_back({std::move(invocation), std::move(done)});
    wake_.notify_one();
  }
  void cancel(const std::string&) override {}

  // The process died: its functions with it.
  void forget_pending() {
    std::vector<Pending> dropped;
    const std::lock_guard lock(mutex_);
    dropped.swap(pending_);
  }
  // From now on this step must not run.
  void is_recorded(const std::string& run, const std::string& node) {
    const std::lock_guard lock(mutex_);
    recorded_.insert({run, node});
  }
  std::map<StepKey, int> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  std::vector<std::string> violations() const {
    const std::lock_guard lock(mutex_);
    return violations_;
  }

 private:
  struct Pending {
    Invocation invocation;
    Done done;
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
      if (stopping_) return;
      std::swap(pending_[random_() % pending_.size()], pending_.back());
      Pending next = std::move(pending_.back());
      pending_.pop_back();
      const bool flaky = !next.invocation.function->at_most_once() && next.invocation.attempt < 3 &&
                         random_() % 8 == 0;
      lock.unlock();
      next.done(flaky ? testing::error("Flaky", "try again")
                      : testing::success(
                            result_of(next.invocation.function->name, next.invocation.input)));
      next = {};
      lock.lock();
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::mt19937_64 random_;
  std::vector<Pending> pending_;
  std::map<StepKey, int> calls_;
  std::set<StepKey> recorded_;
  std::vector<std::string> violations_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses everything above
};

struct Plan {
  std::uint64_t seed = 1;
  std::size_t runs = 3;
  // Before which disk operation the power fails, epoch by epoch; after the last it stays.
  std::vector<std::uint64_t> losses;
  Loss loss = Loss::kDropAll;
  std::uint64_t forget_every_sync = 0;
};

class CrashCheck {
 public:
  explicit CrashCheck(const Plan& plan)
      : plan_(plan), random_(plan.seed), vfs_(plan.seed), world_(plan.seed) {
    vfs_.forget_every_sync(plan.forget_every_sync);
  }

  // What went wrong; empty is good.
  std::vector<std::string> run() {
    for (std::size_t epoch = 0; epoch <= plan_.losses.size(); ++epoch) {
      const bool last = epoch == plan_.losses.size();
      vfs_.power_loss_at(last ? 0 : plan_.losses[epoch], plan_.loss);
      const Ended ended = live(last);
      world_.forget_pending();
      if (ended == Ended::kBroken) break;
      if (last) break;
      vfs_.power_loss(plan_.loss);  // also when the operation was never reached
      vfs_.power_on();
    }
    for (std::string& violation : world_.violations()) violations_.push_back(std::move(violation));
    return violations_;
  }

  std::uint64_t operations() const { return vfs_.operations(); }

 private:
  // Of a millisecond each: enough for callbacks that are on their way.
  static constexpr int kIdleRounds = 3000;
  enum class Ended { kDone, kPowerLost, kBroken };

  struct Started {
    Linked linked;
    Json input;
    bool acknowledged = false;
    bool over = false;
    std::vector<Event> observed;
  };

  // One process, from its start to the end of the work or of the power.
  Ended live(bool last) {
    auto database = store::Database::open("runs.db", Journal::migration(), {.vfs = vfs_.name()});
    if (!database) {
      if (last) violations_.push_back("cannot be opened: " + database.error().describe());
      return last ? Ended::kBroken : Ended::kPowerLost;
    }
    // Checkpoints every few pages, so that the power also fails in the middle of those.
    if (!(*database)->execute("PRAGMA wal_autocheckpoint=20")) return Ended::kPowerLost;
    Journal journal(**database);
    Ended ended = Ended::kDone;
    {
      Orchestrator orchestrator(journal, world_, SystemClock::instance(),
                                {.jitter_seed = plan_.seed});
      ended = work(journal, orchestrator, last);
      if (ended == Ended::kDone && last) conclude(orchestrator);
    }
    return ended;
  }

  Ended work(Journal& journal, Orchestrator& orchestrator, bool last) {
    if (!examine(journal)) return last ? Ended::kBroken : Ended::kPowerLost;
    if (!orchestrator.recover()) return last ? Ended::kBroken : Ended::kPowerLost;
    follow_all(journal, orchestrator);
    start_more(orchestrator);
    std::unique_lock lock(mutex_);
    const auto patience = std::chrono::steady_clock::now() + testing::kPatience;
    int idle = 0;  // rounds without a run in memory
    while (true) {
      if (orchestrator.stats().failed_writes > 0 || refused_ > 0) break;
      if (unanswered_ == 0 &&
          std::ranges::all_of(runs_, [](const auto& run) { return run.second.over; })) {
        return Ended::kDone;
      }
      idle = orchestrator.stats().runs == 0 ? idle + 1 : 0;
      if (std::chrono::steady_clock::now() > patience || idle > kIdleRounds) {
        violations_.push_back("a run never ends");
        return Ended::kBroken;
      }
      changed_.wait_for(lock, std::chrono::milliseconds(1));
    }
    if (last) violations_.push_back("a write failed although the power was on");
    return last ? Ended::kBroken : Ended::kPowerLost;
  }

  // What the disk says now against what was seen before.
  bool examine(const Journal& journal) {
    const std::lock_guard lock(mutex_);
    refused_ = 0;
    for (auto& [id, run] : runs_) {
      run.over = false;
      const auto stored = journal.load(RunId(id));
      if (!stored || !*stored) {
        if (!stored && stored.error().code == ErrorCode::kDataLoss) {
          violations_.push_back("unreadable: " + stored.error().describe());
        }
        if (run.acknowledged && stored) violations_.push_back("acknowledged run lost: " + id);
        run.over = true;  // nobody will hear of it again
        continue;
      }
      compare(id, run, (*stored)->events);
    }
    const auto calls = world_.calls();
    for (const auto& [key, count] : calls) check_call(journal, key, count);
    return true;
  }

  void compare(const std::string& id, const Started& run, const std::vector<Event>& events) {
    for (const Event& seen : run.observed) {
      const auto index = static_cast<std::size_t>(seen.sequence) - 1;
      if (index >= events.size() || to_json(events[index]) != to_json(seen)) {
        violations_.push_back("observed event lost: " + id + " " + json::dump(to_json(seen)));
      }
    }
    for (const Event& event : events) {
      if (event.kind == EventKind::kStepSucceeded) world_.is_recorded(id, event.node.str());
    }
  }

  void check_call(const Journal& journal, const StepKey& key, int count) {
    const auto stored = journal.load(RunId(key.first));
    if (!stored) return;  // compare() has complained
    if (!*stored) {
      violations_.push_back("a run that is not on disk has called " + key.second);
      return;
    }
    std::set<std::string> recorded;
    for (const Event& event : (*stored)->events) {
      if (event.kind == EventKind::kStepSucceeded) recorded.insert(event.node.str());
    }
    const dag::LinkedWorkflow& linked = *(*stored)->run.linked;
    const dag::Node& node = *dag::find_node(linked.workflow, dag::NodeId(key.second));
    for (const dag::NamedBinding& argument : node.arguments) {
      const auto* producer = std::get_if<dag::OutputRef>(&argument.binding.source);
      if (producer != nullptr && !recorded.contains(producer->node.str())) {
        violations_.push_back(key.second + " began before the result of " + producer->node.str() +
                              " was durable");
      }
    }
    if (linked.spec_of(node).at_most_once() && count > 1) {
      violations_.push_back("a payment was made twice: " + key.second);
    }
  }

  // Also runs that were written without anybody having been told.
  void follow_all(const Journal& journal, Orchestrator& orchestrator) {
    const auto summaries = journal.list("", 10'000);
    if (!summaries) return;
    for (const RunSummary& summary : *summaries) {
      const auto stored = journal.load(summary.id);
      if (!stored || !*stored) continue;
      {
        const std::lock_guard lock(mutex_);
        Started& run = runs_[summary.id.str()];
        run.linked = (*stored)->run.linked;
        run.input = (*stored)->run.input;
      }
      follow(orchestrator, summary.id);
    }
  }

  void follow(Orchestrator& orchestrator, const RunId& id) {
    std::int64_t after = 0;
    {
      const std::lock_guard lock(mutex_);
      const Started& run = runs_.at(id.str());
      if (!run.observed.empty()) after = run.observed.back().sequence;
    }
    (void)orchestrator.subscribe(id, after, [this, id](const Event& event) {
      const std::lock_guard lock(mutex_);
      runs_.at(id.str()).observed.push_back(event);
      if (event.kind == EventKind::kStepSucceeded) {
        world_.is_recorded(id.str(), event.node.str());
      }
    });
    (void)orchestrator.when_finished(id, [this, id](const RunState& state) {
      const std::lock_guard lock(mutex_);
      Started& run = runs_.at(id.str());
      run.over = true;
      if (state.status == RunStatus::kSucceeded) check_outputs(id.str(), run, state);
      if (state.status == RunStatus::kFailed) violations_.push_back("a run failed");
      changed_.notify_all();
    });
  }

  void check_outputs(const std::string& id, const Started& run, const RunState& state) {
    if (!json::equal(state.outputs, expected_outputs(run.linked->workflow, run.input))) {
      violations_.push_back("wrong outputs: " + id);
    }
  }

  void start_more(Orchestrator& orchestrator) {
    for (; started_ < plan_.runs; ++started_) {
      StartRequest request{"wf", 1, random_workflow(random_), {{"x", started_}}, ""};
      if (random_() % 2 == 0) request.idempotency_key = "key" + std::to_string(started_);
      {
        const std::lock_guard lock(mutex_);
        ++unanswered_;
      }
      Started run{request.linked, request.input, true, false, {}};
      orchestrator.start(std::move(request), [this, &orchestrator, run](Result<RunId> id) {
        {
          const std::lock_guard lock(mutex_);
          --unanswered_;
          id ? (void)runs_.emplace(id->str(), run) : (void)++refused_;
          changed_.notify_all();
        }
        if (id) follow(orchestrator, *id);
      });
    }
  }

  // The power stays on: a person lets go on what waits for one, and everything ends well.
  void conclude(Orchestrator& orchestrator) {
    std::vector<std::string> waiting;
    {
      const std::lock_guard lock(mutex_);
      for (auto& [id, run] : runs_) {
        const auto state = orchestrator.get(RunId(id));
        if (!state) {
          violations_.push_back("run lost: " + id);
        } else if (state->status == RunStatus::kWaiting) {
          waiting.push_back(id);
        } else if (state->status != RunStatus::kSucceeded) {
          violations_.push_back("a run did not succeed");
        }
      }
    }
    for (const std::string& id : waiting) {
      if (!orchestrator.resume(RunId(id), {})) violations_.push_back("cannot be resumed: " + id);
      std::promise<RunState> over;
      auto future = over.get_future();
      (void)orchestrator.when_finished(RunId(id),
                                       [&](const RunState& state) { over.set_value(state); });
      if (future.wait_for(testing::kPatience) != std::future_status::ready) {
        violations_.push_back("a resumed run never ends");
        return;
      }
      check_outputs(id, runs_.at(id), future.get());
    }
  }

  const Plan plan_;
  std::mt19937_64 random_;
  store::PowerFailVfs vfs_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Started> runs_;
  std::size_t started_ = 0;
  std::size_t unanswered_ = 0;
  std::size_t refused_ = 0;
  std::vector<std::string> violations_;

  World world_;  // last: its thread is the first to end
};

// A full disk that never recovers is what a lost one looks like: thousands of lines about it.
class CrashTest : public ::testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::kOff); }
  void TearDown() override { log::set_level(log::Level::kWarning); }
};

constexpr Loss kLosses[] = {Loss::kDropAll, Loss::kTearRandomly};

std::vector<std::string> check(const Plan& plan) { return CrashCheck(plan).run(); }

TEST_F(CrashTest, WithoutALossEverythingEndsWell) {
  EXPECT_EQ(check({.seed = 5, .runs = 50, .losses = {}}), std::vector<std::string>{});
}

// Everything lost, before each operation; torn, which differs from time to time, before every
// third.
TEST_F(CrashTest, ThePowerMayFailBeforeAnyOperation) {
  for (const Loss loss : kLosses) {
    const std::uint64_t stride = loss == Loss::kDropAll ? 1 : 3;
    Plan plan{.seed = 42, .runs = 3, .losses = {}, .loss = loss};
    CrashCheck whole(plan);
    ASSERT_EQ(whole.run(), std::vector<std::string>{});
    RecordProperty("operations", static_cast<int>(whole.operations()));
    for (std::uint64_t operation = 1; operation <= whole.operations(); operation += stride) {
      plan.losses = {operation};
      ASSERT_EQ(check(plan), std::vector<std::string>{}) << "at operation " << operation;
    }
  }
}

Plan random_plan(std::uint64_t seed, std::size_t runs) {
  std::mt19937_64 random(seed);
  Plan plan{.seed = seed, .runs = runs, .losses = {}, .loss = kLosses[seed % 2]};
  for (std::uint64_t i = 0; i < 1 + random() % 4; ++i) plan.losses.push_back(1 + random() % 300);
  return plan;
}

TEST_F(CrashTest, ThePowerMayFailAgainAndAgainWithManyRunsInFlight) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    ASSERT_EQ(check(random_plan(seed, 20)), std::vector<std::string>{}) << "seed " << seed;
  }
}

// The test of the tests: on a disk that forgets syncs the same check has to complain.
TEST_F(CrashTest, AForgottenSyncIsNoticed) {
  std::size_t noticed = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Plan plan = random_plan(seed, 10);
    plan.forget_every_sync = 2;
    noticed += check(plan).empty() ? 0 : 1;
  }
  RecordProperty("noticed", static_cast<int>(noticed));
  EXPECT_GT(noticed, 0U);
}

TEST_F(CrashTest, Soak) {
  const char* wanted = std::getenv("AE_SOAK");
  if (wanted == nullptr) GTEST_SKIP() << "AE_SOAK=<seconds> runs it";
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(wanted));
  std::uint64_t seed = std::random_device{}();
  for (; std::chrono::steady_clock::now() < end; ++seed) {
    ASSERT_EQ(check(random_plan(seed, 1 + seed % 60)), std::vector<std::string>{})
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace ae::execute
