#include "gateway/internal/run_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <utility>

#include "base/text.h"

namespace ae::gateway {
namespace {

using execute::RunId;
using execute::RunState;
using execute::RunStatus;

// '  File "/home/x/code/f/lambda_function.py", line 3' -> '  File "lambda_function.py", line 3':
// where the function failed is its owner's business, where this machine keeps it is nobody's.
std::string without_folders(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t quote = text.find("\"/", at);
    const std::size_t end = quote == std::string_view::npos ? quote : text.find('"', quote + 1);
    if (end == std::string_view::npos) return result.append(text.substr(at));
    const std::size_t name = text.rfind('/', end) + 1;
    result.append(text.substr(at, quote + 1 - at)).append(text.substr(name, end + 1 - name));
    at = end + 1;
  }
  return result;
}

enum class Traces { kKeep, kDrop };

void tidy_traces(Json& run, Traces traces) {
  for (Json& step : run["steps"]) {
    const auto error = step.find("error");
    if (error == step.end()) continue;
    const auto trace = error->find("stack_trace");
    if (trace == error->end()) continue;
    if (traces == Traces::kDrop || !trace->is_array()) {
      error->erase("stack_trace");
      continue;
    }
    for (Json& line : *trace) {
      if (line.is_string()) line = without_folders(line.get_ref<const std::string&>());
    }
  }
}

net::Headers headers_of(const RunId& id) {
  return {{"Run-Id", id.str()}, {"Location", run_path(id.str())}};
}

std::string_view code_of(RunStatus status) {
  return status == RunStatus::kCancelled ? "run_cancelled" : "run_failed";
}

std::string detail_of(const RunState& state, const std::vector<std::string>& finished,
                      const std::string& resume_url) {
  std::string text = state.status == RunStatus::kCancelled ? "the run was cancelled"
                     : state.failed_node.empty()           ? "the run failed"
                                                 : fmt::format("step {} failed", state.failed_node);
  const auto step = state.steps.find(state.failed_node);
  if (step != state.steps.end() && step->second.error) {
    text += fmt::format(": {}: {}", step->second.error->type,
                        shorten(step->second.error->message, 500));
  } else if (state.error) {
    text += ": " + shorten(state.error->describe(), 500);
  }
  text += fmt::format(". {} of {} steps finished and keep their results", finished.size(),
                      state.steps.size());
  return text + fmt::format("; once the cause is mended, go on with POST {}", resume_url);
}

// A run that did not succeed, for the caller of an endpoint.
void respond_failure(const Core& core, Call& call, const RunState& state) {
  std::vector<std::string> finished;
  Json finished_json = Json::array();
  for (const dag::NodeId& id : state.order) {
    if (state.steps.at(id).status != execute::StepStatus::kSucceeded) continue;
    finished.push_back(id.str());
    finished_json.push_back(id.str());
  }
  const std::string run_url = core.url(run_path(state.id.str()));
  Json run = run_json(core, state);
  tidy_traces(run, Traces::kDrop);
  Json extensions;
  extensions["failing_step"] = state.failed_node.empty() ? Json() : Json(state.failed_node.str());
  extensions["finished_steps"] = std::move(finished_json);
  extensions["run_url"] = run_url;
  extensions["resume"] = {
      {"method", "POST"}, {"href", run_url + "/resume"}, {"body", Json::object()}};
  extensions["run"] = std::move(run);
  call.fail_with(424, code_of(state.status),
                 state.status == RunStatus::kCancelled ? "The run was cancelled" : "The run failed",
                 detail_of(state, finished, run_url + "/resume"), extensions, headers_of(state.id));
}

void respond(const Core& core, Call& call, const RunState& state, AnswerStyle style) {
  const bool open = state.status == RunStatus::kRunning;
  if (style == AnswerStyle::kRun) return call.respond_json(200, run_json(core, state));
  if (style == AnswerStyle::kStarted) {
    return call.respond_json(open ? 202 : 200, run_json(core, state), headers_of(state.id));
  }
  switch (state.status) {
    case RunStatus::kSucceeded:
      return call.respond_json(200, state.outputs.is_null() ? Json::object() : state.outputs,
                               headers_of(state.id));
    case RunStatus::kRunning:
    case RunStatus::kWaiting:  // for a person: not over, not failed
      return call.respond_json(202, run_json(core, state), headers_of(state.id));
    case RunStatus::kFailed:
    case RunStatus::kCancelled:
      return respond_failure(core, call, state);
  }
}

// The run exists, but its state cannot be read now (the server stops, or is overloaded).
void respond_briefly(const Core& core, Call& call, const RunId& id, AnswerStyle style) {
  Json body = {{"id", id.str()}, {"status", "running"}};
  body["links"] = run_links(core, id, "", RunStatus::kRunning);
  call.respond_json(style == AnswerStyle::kRun ? 200 : 202, body, headers_of(id));
}

void respond_now(const CorePtr& core, const CallPtr& call, const RunId& id, AnswerStyle style) {
  if (core->closing()) return respond_briefly(*core, *call, id, style);
  const auto state = core->services.orchestrator.get(id);
  if (!state) return call->fail(state.error());
  respond(*core, *call, *state, style);
}

// One caller's wait for the end of one run. Whoever claims it first (the end, the timer, the
// caller's departure, the server's stop) deals with it; the others find it claimed.
class RunWait final : public Pending, public std::enable_shared_from_this<RunWait> {
 public:
  RunWait(CorePtr core, CallPtr call, RunId id, AnswerStyle style)
      : core_(std::move(core)), call_(std::move(call)), id_(std::move(id)), style_(style) {}

  void start(std::chrono::milliseconds wait) {
    const auto self = shared_from_this();
    pending_ = core_->add(self);
    auto token = core_->services.orchestrator.when_finished(
        id_, [self](const RunState& state) { self->finished(state); });
    if (!token) {
      if (const CallPtr call = claim()) call->fail(token.error());
      return core_->remove(pending_);
    }
    {
      const std::lock_guard lock(mutex_);
      token_ = *token;
      if (call_ != nullptr) timer_ = core_->after(wait, [self] { self->expired(); });
    }
    if (const CallPtr call = current()) {
      call->exchange().on_disconnect([weak = weak_from_this()] {
        if (const auto wait_left = weak.lock()) wait_left->disconnected();
      });
    } else {
      core_->remove(pending_);  // it finished while this was being set up
    }
  }

  void abandon() override {
    const CallPtr call = claim();
    if (call == nullptr) return;
    if (const std::uint64_t token = token_; token != 0) core_->services.orchestrator.forget(token);
    respond_briefly(*core_, *call, id_, style_);
  }

 private:
  void finished(const RunState& state) {
    if (const CallPtr call = claim()) respond(*core_, *call, state, style_);
  }

  void expired() {
    const CallPtr call = claim();
    if (call == nullptr) return;
    // Reading the run may wait for the disk, which the timer's thread must not.
    const bool posted = core_->post(Lane::kWorkers, [self = shared_from_this(), call] {
      self->core_->services.orchestrator.forget(self->token_);
      respond_now(self->core_, call, self->id_, self->style_);
    });
    if (!posted) respond_briefly(*core_, *call, id_, style_);
  }

  void disconnected() {
    const CallPtr call = claim();
    if (call == nullptr) return;
    respond_briefly(*core_, *call, id_, style_);  // for a peer who only closed its sending side
    const bool posted = core_->post(Lane::kWorkers, [self = shared_from_this()] {
      self->core_->services.orchestrator.forget(self->token_);
    });
    // Not posted: overloaded or closing. The orchestrator then calls finished(), which does
    // nothing.
    static_cast<void>(posted);
  }

  CallPtr current() {
    const std::lock_guard lock(mutex_);
    return call_;
  }

  // The call for the one who may answer it, nullptr for all others.
  CallPtr claim() {
    execute::Timer::Token timer = 0;
    CallPtr call;
    {
      const std::lock_guard lock(mutex_);
      call = std::exchange(call_, nullptr);
      timer = std::exchange(timer_, 0);
    }
    if (call == nullptr) return nullptr;
    core_->cancel_timer(timer);
    core_->remove(pending_);
    return call;
  }

  const CorePtr core_;
  std::mutex mutex_;
  CallPtr call_;  // null once claimed
  const RunId id_;
  const AnswerStyle style_;
  std::atomic<std::uint64_t> pending_{0};
  std::atomic<std::uint64_t> token_{0};
  execute::Timer::Token timer_ = 0;
};

}  // namespace

Json run_links(const Core& core, const RunId& id, std::string_view workflow, RunStatus status) {
  const std::string self = core.url(run_path(id.str()));
  Json links = {{"self", self}, {"events", self + "/events"}, {"logs", self + "/logs"}};
  if (!workflow.empty()) links["workflow"] = core.url(workflow_path(workflow));
  if (status == RunStatus::kRunning || status == RunStatus::kWaiting) {
    links["cancel"] = self + "/cancel";
  }
  if (status != RunStatus::kRunning && status != RunStatus::kSucceeded) {
    links["resume"] = self + "/resume";
  }
  return links;
}

Json run_json(const Core& core, const RunState& state) {
  Json run = execute::to_json(state);
  tidy_traces(run, Traces::kKeep);
  run["links"] = run_links(core, state.id, state.workflow, state.status);
  return run;
}

std::chrono::milliseconds wait_of(const Core& core, const Call& call,
                                  std::chrono::milliseconds otherwise) {
  std::string wanted = call.query_parameter("wait").value_or("");
  if (wanted.empty()) {
    // A preference that cannot be read is no preference (RFC 7240, section 2).
    const std::string prefer = to_lower(call.request().header("Prefer").value_or(""));
    for (const std::string_view part : split(prefer, ',')) {
      const std::string_view preference = trim(part.substr(0, part.find(';')));
      if (preference.starts_with("wait=")) wanted = trim(preference.substr(5));
    }
  }
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), seconds);
  if (wanted.empty() || error != std::errc() || end != wanted.data() + wanted.size()) {
    return otherwise;
  }
  return std::min<std::chrono::milliseconds>(std::chrono::seconds{seconds}, core.options.max_wait);
}

void answer_run(const CorePtr& core, const CallPtr& call, const RunId& id,
                std::chrono::milliseconds wait, AnswerStyle style) {
  if (wait.count() <= 0 || core->closing()) return respond_now(core, call, id, style);
  std::make_shared<RunWait>(core, call, id, style)->start(wait);
}

}  // namespace ae::gateway
