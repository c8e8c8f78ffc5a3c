// GET /v1/runs/{id}/events: a run's journal as server-sent events.
//
// The same facts that recovery reads: what is sent is on disk. Replay and live events come through
// one subscription, so none is lost or doubled in between, and Last-Event-ID goes on exactly where
// a broken connection stopped. No thread belongs to a stream: the orchestrator's thread writes
// events, one timer writes heartbeats, and the server's backlog limit ends readers that are too
// slow.
#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <mutex>
#include <utility>

#include "gateway/internal/core.h"
#include "gateway/internal/run_answers.h"

namespace ae::gateway {
namespace {

using execute::Event;
using execute::RunId;
using execute::RunState;
using execute::RunStatus;

std::string frame_of(const Event& event) {
  // JSON text has no raw line breaks, so one data line suffices.
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.sequence, to_string(event.kind),
                     json::dump(execute::to_json(event)));
}

class EventStream final : public Pending, public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(CorePtr core, CallPtr call, RunState state, std::int64_t after)
      : core_(std::move(core)),
        call_(std::move(call)),
        state_(std::move(state)),
        id_(state_.id),
        sent_(after) {}

  void start() {
    net::Headers headers = call_->standard_headers();
    headers.emplace_back("Content-Type", "text/event-stream");
    headers.emplace_back("Run-Id", id_.str());
    if (!call_->exchange().start_stream({200, std::move(headers), {}})) return;
    const auto self = shared_from_this();
    pending_ = core_->add(self);
    call_->exchange().on_disconnect([weak = weak_from_this()] {
      if (const auto stream = weak.lock()) stream->disconnected();
    });
    if (is_over()) return end();  // everything was seen before: nothing to subscribe to
    const auto token = core_->services.orchestrator.subscribe(
        id_, sent_, [self](const Event& event) { self->send(event); });
    if (!token) return end();
    bool ended = false;
    {
      const std::lock_guard lock(mutex_);
      token_ = *token;
      ended = ended_;
    }
    if (ended) return release();
    core_->start_heartbeat();
  }

  void abandon() override { end_and_release(); }

  void heartbeat() override {
    bool alive = false;
    {
      const std::lock_guard lock(mutex_);
      alive = !ended_ && call_->exchange().write(": still here\n\n");
    }
    // Also the second chance of a release that found the pool full.
    if (!alive) end_and_release();
  }

 private:
  // Over in the state that the sent events add up to.
  bool is_over() const {
    return state_.status != RunStatus::kRunning && sent_ >= state_.last_sequence;
  }

  void send(const Event& event) {
    bool over = false;
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      // Events up to the snapshot are replayed; only later ones change it. One that does not
      // follow would be a damaged journal: end rather than guess.
      const bool fits =
          event.sequence <= state_.last_sequence || execute::apply(state_, event).has_value();
      sent_ = event.sequence;
      over = !call_->exchange().write(frame_of(event)) || !fits || is_over();
    }
    if (over) end();
  }

  void end() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(ended_, true)) return;
      call_->exchange().finish();
    }
    // forget() waits for callbacks, and this may be one.
    const bool posted =
        core_->post(Lane::kWorkers, [self = shared_from_this()] { self->release(); });
    static_cast<void>(posted);  // else the next heartbeat releases it
  }

  void release() {
    std::uint64_t token = 0;
    {
      const std::lock_guard lock(mutex_);
      token = std::exchange(token_, 0);
    }
    if (token != 0) core_->services.orchestrator.forget(token);
    core_->remove(pending_);
  }

  // On an event loop, perhaps inside a write() of ours that holds the mutex: only hands over.
  void disconnected() {
    const bool posted =
        core_->post(Lane::kWorkers, [self = shared_from_this()] { self->end_and_release(); });
    static_cast<void>(posted);  // else the next heartbeat notices
  }

  void end_and_release() {
    end();
    release();
  }

  const CorePtr core_;
  const CallPtr call_;
  std::mutex mutex_;
  RunState state_;  // the fold of all events up to the snapshot, and of those sent after it
  const RunId id_;
  std::int64_t sent_;
  bool ended_ = false;
  std::uint64_t token_ = 0;
  std::atomic<std::uint64_t> pending_{0};
};

std::int64_t last_seen(const Call& call) {
  std::string text = call.query_parameter("after").value_or("");
  if (const auto header = call.request().header("Last-Event-ID")) text = *header;
  std::int64_t sequence = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sequence);
  // A number that was never sent by us starts from the beginning: nothing is missed.
  return error == std::errc() && end == text.data() + text.size() && sequence > 0 ? sequence : 0;
}

}  // namespace

void stream_events(const CorePtr& core, const CallPtr& call) {
  auto state = core->services.orchestrator.get(RunId(call->path_parameter("id")));
  if (!state) return call->fail(state.error());
  if (call->is_head()) {
    return call->respond({200, {{"Content-Type", "text/event-stream"}}, {}});
  }
  const std::int64_t after = last_seen(*call);
  std::make_shared<EventStream>(core, call, *std::move(state), after)->start();
}

}  // namespace ae::gateway
