// One run that is not over: its state machine, connected to the journal, the invoker and the clock.
//
// Everything happens in *turns*, one at a time for a run, on whatever thread brings the news: a
// message goes into the mailbox, and if nobody is in a turn the sender takes it. So a turn needs no
// lock but for what snapshot() reads. At most one write of a run is under way; what comes in
// meanwhile is written together when it is done. That keeps the journal's order without gaps, and
// syncs few.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "execute/internal/run_machine.h"
#include "execute/internal/services.h"
#include "execute/internal/step_slots.h"
#include "execute/journal.h"

namespace ae::execute {

class RunActor final : public std::enable_shared_from_this<RunActor> {
 public:
  RunActor(std::shared_ptr<Services> services, RunMachine machine);
  RunActor(const RunActor&) = delete;
  RunActor& operator=(const RunActor&) = delete;

  // Any thread.
  // Writes a new run; then it goes on by itself.
  void create(const NewRun& run, Orchestrator::Accepted accepted);
  // Goes on with a run that an earlier process left.
  void recover();
  // Nothing in a reply: the run has just left memory, look again.
  using Reply = std::move_only_function<void(std::optional<Result<void>>)>;
  void cancel(Reply reply);
  void resume(ResumeRequest request, Reply reply);
  // Nothing before the run is accepted.
  std::optional<RunState> snapshot() const;

 private:
  using Message = std::move_only_function<void(RunActor&)>;
  enum class Where { kHere, kRunner };
  using Millis = std::chrono::milliseconds;

  // A claimed step on its way through one attempt.
  struct Attempt {
    enum class Phase { kQueued, kRecording, kCalled, kSettled };
    Phase phase = Phase::kQueued;
    int number = 1;
    Json input;
    std::string request_id;
    WallTime started_at{};
    StepSlots::SlotPtr slot;
    Timer::Token backstop = 0;
  };

  // The mailbox. False when the orchestrator is stopping: the message is dropped.
  bool post(Message message, Where where);
  void take_turn();
  Where where_after_write();

  // Writing (run_actor.cc).
  void created(const Event& accepted);
  Result<RunId> not_created(const NewRun& run, Error error);
  void abandon();
  void flush();
  void write();
  void on_written(const Result<void>& result);
  void on_durable();
  void on_write_failed(const Error& error);
  void answer_control();
  Result<void> already_over() const;
  const RunState& current() const;
  void do_cancel(Reply reply);
  void do_resume(const ResumeRequest& request, Reply reply);
  void drop_unwritten_dispatches();
  void retire();

  // Steps (run_steps.cc).
  void advance();
  void start_step(std::size_t step);
  void wait_for_slot(std::size_t step);
  void on_slot(std::size_t step, StepSlots::SlotPtr slot);
  void call(std::size_t step);
  Invocation invocation_of(std::size_t step) const;
  void give_up(std::size_t step, const std::string& request_id);
  void on_result(std::size_t step, const std::string& request_id, InvocationResult result);
  void succeed(std::size_t step, InvocationResult result);
  void fail_attempt(std::size_t step, FunctionError error, bool retryable, Millis duration);
  void fail_uncalled(std::size_t step, FunctionError error);
  void after_event(const Event& event);
  void dequeue_waiting();
  void stop_calls();
  Millis timeout_of(std::size_t step) const;
  const StepState& step_state(std::size_t step) const;
  void set_attempt(std::size_t step, std::optional<Attempt> attempt);
  Event event_of(EventKind kind, std::size_t step) const;

  const std::shared_ptr<Services> services_;

  std::mutex mailbox_mutex_;
  std::vector<Message> mailbox_;
  bool in_turn_ = false;

  // Changed only in a turn, under the mutex as far as snapshot() reads it.
  mutable std::mutex state_mutex_;
  RunMachine machine_;
  std::vector<std::optional<Attempt>> attempts_;
  std::shared_ptr<const RunState> final_;  // once retired

  // Used only in a turn.
  std::vector<Event> outbox_;
  std::vector<Journal::Log> outbox_logs_;
  std::vector<Event> batch_;  // being written: the outbox's, then at most one event of the run
  std::vector<Journal::Log> batch_logs_;
  std::size_t batch_facts_ = 0;  // how many of them are the outbox's
  bool writing_ = false;
  bool blocked_ = false;  // a write failed; a timer unblocks
  Millis write_back_off_{0};
  bool cancelling_ = false;
  std::vector<Reply> cancel_replies_;
  std::optional<Event> resumption_;
  std::optional<Reply> resume_reply_;
  bool retired_ = false;
};

}  // namespace ae::execute
