// The mailbox, the write cycle and the run's control; what concerns single steps is in
// run_steps.cc.
#include "execute/internal/run_actor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "execute/internal/resume.h"

namespace ae::execute {
namespace {

// A disk that is full now may have room later: first soon, then every five seconds.
constexpr std::chrono::milliseconds kFirstWriteBackOff{50};
constexpr std::chrono::milliseconds kMaxWriteBackOff{5'000};

bool is_over(RunStatus status) {
  return status != RunStatus::kRunning && status != RunStatus::kWaiting;
}

}  // namespace

RunActor::RunActor(std::shared_ptr<Services> services, RunMachine machine)
    : services_(std::move(services)), machine_(std::move(machine)) {
  attempts_.resize(machine_.plan().size());
}

bool RunActor::post(Message message, Where where) {
  if (!services_->gate.enter()) return false;
  bool mine = false;
  {
    const std::lock_guard lock(mailbox_mutex_);
    mailbox_.push_back(std::move(message));
    mine = !std::exchange(in_turn_, true);
  }
  if (mine && where == Where::kHere) take_turn();
  if (mine && where == Where::kRunner) {
    // The pool is unbounded and outlives the gate, so it accepts.
    (void)services_->runner->post([self = shared_from_this()] {
      if (!self->services_->gate.enter()) return;
      self->take_turn();
      self->services_->gate.leave();
    });
  }
  services_->gate.leave();
  return true;
}

void RunActor::take_turn() {
  while (true) {
    std::vector<Message> messages;
    {
      const std::lock_guard lock(mailbox_mutex_);
      messages.swap(mailbox_);
    }
    for (Message& message : messages) message(*this);
    if (!messages.empty()) continue;
    flush();  // only now, so that whatever the messages brought shares one write
    const std::lock_guard lock(mailbox_mutex_);
    if (!mailbox_.empty()) continue;
    in_turn_ = false;
    return;
  }
}

// The writer thread itself, if nobody else waits for it: a change of threads costs more than the
// turn. Else it had better go on writing.
RunActor::Where RunActor::where_after_write() {
  return --services_->pending_writes == 0 ? Where::kHere : Where::kRunner;
}

void RunActor::create(const NewRun& run, Orchestrator::Accepted accepted) {
  writing_ = true;
  services_->table.insert(run.id, shared_from_this());
  Event event;
  event.sequence = 1;
  event.kind = EventKind::kRunAccepted;
  event.at = services_->clock.now();
  event.data = {{"input", run.input}};
  NewRun key;  // what is needed if it cannot be created
  if (!run.idempotency_key.empty()) key = run;
  ++services_->pending_writes;
  services_->journal.create(
      run, event,
      [self = shared_from_this(), event, id = run.id, key = std::move(key),
       accepted = std::move(accepted)](Result<void> result) mutable {
        const Where where = self->where_after_write();
        Services& services = *self->services_;
        const bool created = result.has_value();
        Result<RunId> answer = id;
        if (!created) answer = self->not_created(key, std::move(result).error());
        // First the answer, then whatever the run does. If the orchestrator is stopping, a later
        // process goes on with the run: it is accepted all the same.
        services.watchers.call(
            [accepted = std::move(accepted), answer]() mutable { accepted(std::move(answer)); });
        if (created) {
          (void)self->post([event](RunActor& actor) { actor.created(event); }, where);
        }
        services.creates.leave();
      });
}

void RunActor::created(const Event& accepted) {
  writing_ = false;
  batch_.push_back(accepted);
  on_durable();
}

// The same key with the same input is the same run.
Result<RunId> RunActor::not_created(const NewRun& run, Error error) {
  const RunId id = machine_.state().id;
  services_->table.remove(id);
  (void)post([](RunActor& actor) { actor.abandon(); }, Where::kRunner);
  if (error.code != ErrorCode::kAlreadyExists || run.idempotency_key.empty()) {
    return annotate(std::move(error), "accepting run " + id.str());
  }
  AE_TRY(const auto earlier, services_->journal.find_by_key(run.workflow, run.idempotency_key));
  if (!earlier) return fail(std::move(error));
  if (earlier->input_hash == Journal::hash_of_input(run.input)) return earlier->id;
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("the idempotency key \"{}\" belongs to run {}, which has another input; "
                          "use a new key for a new input",
                          run.idempotency_key, earlier->id));
}

void RunActor::abandon() {
  {
    const std::lock_guard lock(state_mutex_);
    final_ = std::make_shared<const RunState>(machine_.take_state());
  }
  retired_ = true;
  stop_calls();
  for (Reply& reply : std::exchange(cancel_replies_, {})) reply(std::nullopt);
  if (resumption_) (*std::exchange(resume_reply_, std::nullopt))(std::nullopt);
  resumption_.reset();
}

void RunActor::recover() {
  (void)post(
      [](RunActor& run) {
        for (Event& event : run.machine_.unknown_outcomes()) {
          event.at = run.services_->clock.now();
          run.outbox_.push_back(std::move(event));
        }
        run.advance();
      },
      Where::kRunner);
}

void RunActor::flush() {
  if (writing_ || blocked_ || retired_) return;
  if (cancelling_) drop_unwritten_dispatches();
  std::optional<Event> last = resumption_ ? resumption_ : machine_.closing(outbox_);
  if (!last && cancelling_ && !is_over(machine_.state().status)) {
    last.emplace();
    last->kind = EventKind::kRunCancelled;
  }
  if (outbox_.empty() && !last) return;
  batch_ = std::exchange(outbox_, {});
  batch_logs_ = std::exchange(outbox_logs_, {});
  batch_facts_ = batch_.size();
  if (last) {
    last->at = services_->clock.now();
    batch_.push_back(*std::move(last));
  }
  std::int64_t sequence = machine_.state().last_sequence;
  for (Event& event : batch_) event.sequence = ++sequence;
  write();
}

void RunActor::write() {
  writing_ = true;
  ++services_->pending_writes;
  services_->journal.append(
      machine_.state().id, batch_, batch_logs_, [self = shared_from_this()](Result<void> result) {
        const Where where = self->where_after_write();
        (void)self->post([result = std::move(result)](RunActor& run) { run.on_written(result); },
                         where);
      });
}

void RunActor::on_written(const Result<void>& result) {
  writing_ = false;
  batch_logs_.clear();
  if (result) {
    write_back_off_ = Millis{0};
    on_durable();
  } else {
    on_write_failed(result.error());
  }
}

void RunActor::on_durable() {
  const std::vector<Event> events = std::exchange(batch_, {});
  batch_facts_ = 0;
  for (const Event& event : events) {
    Result<void> applied;
    {
      const std::lock_guard lock(state_mutex_);
      applied = machine_.apply(event);
    }
    if (!applied) {
      // Our own bug. Better to stop this run, which a restart folds anew, than to guess.
      log::error("run {} stops: {}", machine_.state().id, applied.error().describe());
      services_->table.remove(machine_.state().id);
      abandon();
      return;
    }
    services_->watchers.publish(machine_.state().id, event);
  }
  for (const Event& event : events) after_event(event);
  if (machine_.state().status == RunStatus::kRunning) {
    advance();
  } else {
    retire();
  }
  answer_control();
}

// What was learnt stays and is written later; what a person asked for is given back to them.
void RunActor::on_write_failed(const Error& error) {
  ++services_->failed_writes;
  write_back_off_ = std::clamp(write_back_off_ * 2, kFirstWriteBackOff, kMaxWriteBackOff);
  log::error("run {} cannot be recorded and tries again in {} ms: {}", machine_.state().id,
             write_back_off_.count(), error.describe());
  batch_.resize(batch_facts_);
  outbox_.insert(outbox_.begin(), std::make_move_iterator(batch_.begin()),
                 std::make_move_iterator(batch_.end()));
  batch_.clear();
  batch_facts_ = 0;
  for (Reply& reply : std::exchange(cancel_replies_, {})) reply(fail(error));
  if (std::exchange(cancelling_, false)) machine_.unhold();
  if (std::exchange(resumption_, std::nullopt)) {
    (*std::exchange(resume_reply_, std::nullopt))(fail(error));
    retire();  // it is over still
    return;
  }
  blocked_ = true;
  services_->timer->at(std::chrono::steady_clock::now() + write_back_off_,
                       [weak = weak_from_this()] {
                         const auto self = weak.lock();
                         if (self == nullptr) return;
                         (void)self->post(
                             [](RunActor& run) {
                               run.blocked_ = false;
                               if (!run.retired_) run.advance();
                             },
                             Where::kRunner);
                       });
}

void RunActor::answer_control() {
  if (std::exchange(resumption_, std::nullopt)) {
    (*std::exchange(resume_reply_, std::nullopt))(Result<void>());
  }
  const RunState& state = current();
  if (!is_over(state.status)) return;
  for (Reply& reply : std::exchange(cancel_replies_, {})) {
    reply(state.status == RunStatus::kCancelled ? Result<void>() : already_over());
  }
}

Result<void> RunActor::already_over() const {
  const RunStatus status = current().status;
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("run {} is over: it {}{}", current().id,
                          status == RunStatus::kCancelled ? "was " : "has ", to_string(status)));
}

const RunState& RunActor::current() const { return retired_ ? *final_ : machine_.state(); }

void RunActor::cancel(Reply reply) {
  auto shared = std::make_shared<Reply>(std::move(reply));
  const bool posted =
      post([shared](RunActor& run) { run.do_cancel(std::move(*shared)); }, Where::kHere);
  if (!posted) (*shared)(fail(ErrorCode::kUnavailable, "the orchestrator is stopping"));
}

void RunActor::do_cancel(Reply reply) {
  if (retired_) return reply(std::nullopt);
  if (is_over(machine_.state().status) && !resumption_) {
    reply(already_over());
    return retire();
  }
  cancelling_ = true;
  machine_.hold();
  cancel_replies_.push_back(std::move(reply));
}

void RunActor::resume(ResumeRequest request, Reply reply) {
  auto shared = std::make_shared<Reply>(std::move(reply));
  const bool posted = post([shared, request = std::move(request)](
                               RunActor& run) { run.do_resume(request, std::move(*shared)); },
                           Where::kHere);
  if (!posted) (*shared)(fail(ErrorCode::kUnavailable, "the orchestrator is stopping"));
}

void RunActor::do_resume(const ResumeRequest& request, Reply reply) {
  if (retired_) return reply(std::nullopt);
  if (resumption_ || cancelling_) {
    return reply(fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("run {} is being resumed or cancelled by somebody else", machine_.state().id)));
  }
  auto event = plan_resume(machine_, request);
  if (!event) {
    reply(fail(std::move(event).error()));
    if (machine_.state().status != RunStatus::kRunning) retire();
    return;
  }
  resumption_ = *std::move(event);
  resume_reply_ = std::move(reply);
}

// Steps that were about to be called with their dispatch on record: they are not called, so the
// record would only raise doubts.
void RunActor::drop_unwritten_dispatches() {
  std::erase_if(outbox_, [this](const Event& event) {
    if (event.kind != EventKind::kStepDispatched) return false;
    const std::size_t step = machine_.plan().index_of.at(event.node);
    machine_.release(step);
    set_attempt(step, std::nullopt);
    return true;
  });
}

std::optional<RunState> RunActor::snapshot() const {
  const std::lock_guard lock(state_mutex_);
  RunState state = final_ != nullptr ? *final_ : machine_.state();
  if (state.last_sequence == 0) return std::nullopt;
  if (state.status != RunStatus::kRunning) return state;
  for (std::size_t step = 0; step < attempts_.size(); ++step) {
    const std::optional<Attempt>& attempt = attempts_[step];
    if (!attempt || attempt->phase < Attempt::Phase::kCalled) continue;
    StepState& shown = state.steps.at(machine_.plan().node(step).id);
    shown.status = StepStatus::kRunning;
    shown.attempts = attempt->number;
    shown.started_at = attempt->started_at;
    shown.finished_at.reset();
    shown.duration.reset();
  }
  return state;
}

// It is over, or waits for a person: from now on the journal answers for it.
void RunActor::retire() {
  if (std::exchange(retired_, true)) return;
  stop_calls();
  const RunId id = machine_.state().id;
  {
    const std::lock_guard lock(state_mutex_);
    final_ = std::make_shared<const RunState>(machine_.take_state());
  }
  services_->table.remove(id);
  services_->watchers.finished(id, final_);
}

}  // namespace ae::execute
