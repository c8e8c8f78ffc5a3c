// What the tests of this module share: small workflows and an invoker that does as it is told.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "dag/link.h"
#include "execute/journal.h"
#include "execute/orchestrator.h"

namespace ae::execute::testing {

// Long enough for any machine; a test that has to wait so long has failed.
constexpr std::chrono::seconds kPatience{60};

inline dag::Binding from_input(std::string name) { return {dag::InputRef{std::move(name)}}; }
inline dag::Binding from_step(const char* step, std::string field = {}) {
  return {dag::OutputRef{dag::NodeId(step), std::move(field)}};
}
inline dag::Binding literal(Json value) { return {dag::Literal{std::move(value)}}; }

// A workflow and its functions, one function a step, named like the step.
class WorkflowBuilder {
 public:
  WorkflowBuilder() { linked_.workflow.name = "test"; }

  WorkflowBuilder& input(const char* name, Json schema = Json::object()) {
    linked_.workflow.inputs["properties"][name] = std::move(schema);
    return *this;
  }
  WorkflowBuilder& require(const char* name) {
    linked_.workflow.inputs["required"].push_back(name);
    return *this;
  }
  WorkflowBuilder& step(const char* id, dag::Bindings arguments = {}) {
    dag::Node node;
    node.id = dag::NodeId(id);
    node.function = id;
    node.version = "1";
    node.arguments = std::move(arguments);
    dag::FunctionSpec spec;
    spec.name = id;
    spec.version = "1";
    spec.binding = dag::LocalPackage{"/nowhere", "f.handler", "python3.11"};
    linked_.functions.emplace(dag::function_key(id, "1"), std::move(spec));
    linked_.workflow.nodes.push_back(std::move(node));
    return *this;
  }
  WorkflowBuilder& after(const char* id) {
    linked_.workflow.nodes.back().depends_on.emplace_back(id);
    return *this;
  }
  WorkflowBuilder& retry(int attempts) {
    linked_.workflow.nodes.back().retry =
        dag::RetryPolicy{attempts, std::chrono::milliseconds(1), 1.0, std::chrono::milliseconds(1)};
    return *this;
  }
  WorkflowBuilder& timeout(std::chrono::milliseconds timeout) {
    linked_.workflow.nodes.back().timeout = timeout;
    return *this;
  }
  // Of the last step.
  dag::FunctionSpec& function() {
    const dag::Node& node = linked_.workflow.nodes.back();
    return linked_.functions.at(dag::function_key(node.function, node.version));
  }
  WorkflowBuilder& at_most_once() {
    function().effects = {"pay"};
    function().idempotent = false;
    return *this;
  }
  WorkflowBuilder& output(const char* name, dag::Binding binding) {
    linked_.workflow.outputs.push_back({name, std::move(binding)});
    return *this;
  }
  std::shared_ptr<const dag::LinkedWorkflow> build() const {
    return std::make_shared<const dag::LinkedWorkflow>(linked_);
  }

 private:
  dag::LinkedWorkflow linked_;
};

// a -> (b, c) -> d, on one input.
inline WorkflowBuilder diamond() {
  WorkflowBuilder builder;
  builder.input("x")
      .step("a", {{"x", from_input("x")}})
      .step("b", {{"x", from_step("a", "y")}})
      .step("c", {{"x", from_step("a", "y")}})
      .step("d", {{"left", from_step("b", "y")}, {"right", from_step("c", "y")}})
      .output("result", from_step("d", "y"));
  return builder;
}

inline InvocationResult success(Json output) {
  InvocationResult result;
  result.output = std::move(output);
  result.duration = std::chrono::milliseconds(7);
  return result;
}

inline InvocationResult error(std::string type, std::string message) {
  InvocationResult result;
  result.error = FunctionError{std::move(type), std::move(message), Json::array()};
  return result;
}

inline InvocationResult fault(ErrorCode code, std::string message) {
  InvocationResult result;
  result.fault = Error{code, std::move(message), {}};
  return result;
}

// {"y": "<function>(<arguments>)"}: shows in a result how it came about.
inline InvocationResult trace(const Invocation& invocation) {
  std::string text = invocation.function->name + "(";
  for (auto argument = invocation.input.begin(); argument != invocation.input.end(); ++argument) {
    if (argument != invocation.input.begin()) text += ",";
    text += argument->is_string() ? argument->get<std::string>() : json::dump(*argument);
  }
  return success({{"y", text + ")"}});
}

// Answers at once by its handler, or, for the steps it was told to hold, when the test says so.
class ScriptedInvoker final : public FunctionInvoker {
 public:
  using Handler = std::function<InvocationResult(const Invocation&)>;

  void answer_with(Handler handler) {
    const std::lock_guard lock(mutex_);
    handler_ = std::move(handler);
  }
  void hold(std::string node) {
    const std::lock_guard lock(mutex_);
    held_nodes_.push_back(std::move(node));
  }
  void hold_nothing() {
    const std::lock_guard lock(mutex_);
    held_nodes_.clear();
  }

  void invoke(Invocation invocation, Done done) override {
    Handler handler;
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back(invocation);
      changed_.notify_all();
      if (std::ranges::find(held_nodes_, invocation.node_id) != held_nodes_.end()) {
        held_.push_back({std::move(invocation), std::move(done)});
        return;
      }
      handler = handler_;
    }
    done(handler(invocation));
  }

  void cancel(const std::string& request_id) override {
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(request_id);
  }

  std::vector<Invocation> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  std::vector<Invocation> calls_of(const std::string& node) const {
    std::vector<Invocation> of_node = calls();
    std::erase_if(of_node, [&](const Invocation& call) { return call.node_id != node; });
    return of_node;
  }
  std::vector<std::string> cancelled() const {
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }
  std::size_t held() const {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  // Waits for it.
  void expect_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kPatience, [&] { return held_.size() >= count; }))
        << held_.size() << " calls are held, not " << count;
  }

  // Answers the oldest held call, of `node` if given. False when there is none.
  bool release(const InvocationResult* result = nullptr, const std::string& node = {}) {
    Held held;
    Handler handler;
    {
      const std::lock_guard lock(mutex_);
      auto chosen = std::ranges::find_if(
          held_, [&](const Held& one) { return node.empty() || one.invocation.node_id == node; });
      if (chosen == held_.end()) return false;
      held = std::move(*chosen);
      held_.erase(chosen);
      handler = handler_;
    }
    held.done(result != nullptr ? *result : handler(held.invocation));
    return true;
  }
  bool release(const std::string& node) { return release(nullptr, node); }
  bool release(const std::string& node, const InvocationResult& result) {
    return release(&result, node);
  }

 private:
  struct Held {
    Invocation invocation;
    Done done;
  };
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Handler handler_ = trace;
  std::vector<std::string> held_nodes_;
  std::deque<Held> held_;
  std::vector<Invocation> calls_;
  std::vector<std::string> cancelled_;
};

// A home on disk, and a process that can be restarted on it.
class Engine {
 public:
  explicit Engine(OrchestratorOptions options = {}) : options_(std::move(options)) { open(); }
  ~Engine() { close(); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void close() {
    orchestrator_.reset();
    journal_.reset();
    database_.reset();
  }
  void open() {
    auto database = store::Database::open(folder_.path() / "runs.db", Journal::migration());
    ASSERT_TRUE(database.has_value()) << database.error().describe();
    database_ = *std::move(database);
    journal_ = std::make_unique<Journal>(*database_);
    orchestrator_ =
        std::make_unique<Orchestrator>(*journal_, invoker, SystemClock::instance(), options_);
    const auto recovered = orchestrator_->recover();
    ASSERT_TRUE(recovered.has_value()) << recovered.error().describe();
    recovered_ = *recovered;
  }
  void restart() {
    close();
    open();
  }

  ScriptedInvoker invoker;
  store::Database& database() { return *database_; }
  Journal& journal() { return *journal_; }
  Orchestrator& orchestrator() { return *orchestrator_; }
  Orchestrator* operator->() { return orchestrator_.get(); }
  std::size_t recovered() const { return recovered_; }

  Result<RunId> try_start(std::shared_ptr<const dag::LinkedWorkflow> linked, Json input,
                          std::string key = {}) {
    auto promise = std::make_shared<std::promise<Result<RunId>>>();
    auto future = promise->get_future();
    StartRequest request{"wf", 1, std::move(linked), std::move(input), std::move(key)};
    orchestrator_->start(std::move(request),
                         [promise](Result<RunId> id) { promise->set_value(std::move(id)); });
    if (future.wait_for(kPatience) != std::future_status::ready) {
      return fail(ErrorCode::kDeadlineExceeded, "start() never answered");
    }
    return future.get();
  }
  RunId start(std::shared_ptr<const dag::LinkedWorkflow> linked, Json input = Json::object()) {
    auto id = try_start(std::move(linked), std::move(input));
    EXPECT_TRUE(id.has_value()) << id.error().describe();
    return id.value_or(RunId());
  }
  RunState finish(const RunId& id) {
    auto promise = std::make_shared<std::promise<RunState>>();
    auto future = promise->get_future();
    const auto token = orchestrator_->when_finished(
        id, [promise](const RunState& state) { promise->set_value(state); });
    EXPECT_TRUE(token.has_value()) << token.error().describe();
    if (future.wait_for(kPatience) == std::future_status::ready) return future.get();
    ADD_FAILURE() << "run " << id.str() << " never finishes: "
                  << json::dump_pretty(to_json(orchestrator_->get(id).value_or(RunState{})));
    return {};
  }
  RunState run(std::shared_ptr<const dag::LinkedWorkflow> linked, Json input = Json::object()) {
    return finish(start(std::move(linked), std::move(input)));
  }
  std::vector<std::string> kinds(const RunId& id) {
    std::vector<std::string> kinds;
    for (const Event& event : journal_->events_after(id, 0).value()) {
      kinds.push_back(std::string(to_string(event.kind)) +
                      (event.node.empty() ? "" : " " + event.node.str()));
    }
    return kinds;
  }

 private:
  TemporaryFolder folder_{"ae-execute"};
  OrchestratorOptions options_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Orchestrator> orchestrator_;
  std::size_t recovered_ = 0;
};

inline const StepState& step_of(const RunState& state, const char* id) {
  return state.steps.at(dag::NodeId(id));
}

}  // namespace ae::execute::testing
