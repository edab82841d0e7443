#include "target/session/stage_recorder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/log.h"
#include "common/scsi/command_words.h"
#include "target/session/command_set.h"
#include "target/session/slot.h"

namespace holdfast::target {
namespace {

/// A connection's overdue commands have no more than one line in the log in that time.
constexpr Duration log_every = std::chrono::seconds(10);

std::shared_ptr<ConnectionTrace> trace_of(const LoginOutcome& login, Instant session_began, Instant now) {
  auto trace = std::make_shared<ConnectionTrace>();
  trace->initiator = login.caller.initiator_name;
  trace->isid = login.isid;
  trace->tsih = login.tsih;
  trace->cid = login.cid;
  trace->portal_group = login.caller.portal_group;
  trace->target = login.target->name;
  trace->peer = login.caller.peer;
  trace->local = login.caller.local;
  trace->session_began = session_began;
  trace->began = trace->heard = now;
  return trace;
}

/// Whatever the kernel has taken, acknowledged or not. Between the two looks an acknowledgement may
/// come, so they are repeated until none did.
std::uint64_t bytes_taken(int fd) {
  for (;;) {
    const TcpState state = tcp_state(fd);
    if (acknowledged_bytes(fd) == state.bytes_acked) return state.bytes_acked + state.out_queue;
  }
}

CommandFacts facts_of(const Slot& slot) {
  return {.tag = slot.tag,
          .cmd_sn = slot.cmd_sn,
          .stat_sn = slot.stat_sn,
          .lun = slot.command.lun,
          .cdb = slot.command.cdb,
          .times = slot.command.times,
          .data_out_wanted = slot.gather.wanted(),
          .data_out_received = slot.gather.received(),
          .r2ts_sent = slot.gather.requests_sent(),
          .r2ts_open = slot.gather.requests_open(),
          .status = slot.outcome().status,
          .aborted = slot.aborting};
}

void earlier(std::optional<Instant>& next, Instant when) { next = next ? std::min(*next, when) : when; }

const char* words_of(CommandStage stage) {
  switch (stage) {
    case CommandStage::memory: return "waiting for memory";
    case CommandStage::data: return "waiting for data of the initiator's";
    case CommandStage::turn: return "waiting for other commands";
    case CommandStage::store: return "in the store";
    case CommandStage::sending: return "waiting to be sent";
    case CommandStage::unacknowledged: return "unacknowledged";
    case CommandStage::over: break;
  }
  return "over";
}

}  // namespace

CommandStage stage_of(const Slot& slot) {
  switch (slot.stage) {
    case Slot::Stage::gathering:
      if (slot.waiting) return CommandStage::memory;
      return slot.command.times.in_hand == Instant{} ? CommandStage::data : CommandStage::turn;
    case Slot::Stage::executing:
      return slot.command.times.store_started == Instant{} || slot.command.waits_for_others() ? CommandStage::turn
                                                                                              : CommandStage::store;
    case Slot::Stage::answering: return CommandStage::sending;
    case Slot::Stage::leaving: return CommandStage::data;
    case Slot::Stage::free: break;
  }
  return CommandStage::over;
}

StageRecorder::StageRecorder(Loop& loop, int fd, const LoginOutcome& login, const CommandWindow& window,
                             FlightRecorder& recorder, Instant session_began)
    : Timer(loop),
      fd_(fd),
      recorder_(recorder),
      limit_(recorder.limit()),
      window_(window),
      trace_(trace_of(login, session_began, loop.now())),
      base_(bytes_taken(fd)),
      acknowledged_(base_) {}

StageRecorder::~StageRecorder() {
  if (armed()) recorder_.nothing_under_way();
  const Instant now = loop().now();
  // Whoever comes next is another one, so who was owed these answers is not to be forgotten.
  std::vector<SlowCommand> lost;
  if (limit_ > Duration(0)) add_unacknowledged(lost, now, std::min(limit_, held_up));
  if (lost.size() > lost_max) lost.resize(lost_max);
  for (SlowCommand& one : lost) recorder_.add(std::move(one));
  trace_->ended = now;
  trace_->exp_cmd_sn = window_.exp_cmd_sn();
  recorder_.connection_ended(trace_);
}

void StageRecorder::note_silence(Instant now) {
  if (trace_->silences.size() == ConnectionTrace::silences_max) trace_->silences.pop_front();
  trace_->silences.push_back({.from = trace_->heard, .to = now, .exp_cmd_sn = window_.exp_cmd_sn()});
}

void StageRecorder::pinged(std::span<const std::byte> data) {
  const std::optional<iscsi::ClockPing> ping = iscsi::decode_clock_ping(data);
  if (ping) trace_->clock.came(*ping, loop().now());
}

void StageRecorder::answered(Slot& slot, std::uint64_t bytes_sent) {
  StageTimes& times = slot.command.times;
  if (!times.timed()) return;
  times.sent = loop().now();
  remember({.facts = facts_of(slot), .end = base_ + bytes_sent});
}

/// In place of the oldest one, of which is told first whether it was late; unless that is still unacknowledged.
void StageRecorder::remember(const Sent& one) {
  const bool full = sent_.size() >= sent_usual;
  if (full && sent_[next_sent_].end > acknowledged_) look_at_answers(one.facts.times.sent);
  const bool owed = full && sent_[next_sent_].end > acknowledged_;
  if (full && (!owed || sent_.size() == sent_max)) {
    sent_[next_sent_] = one;
    next_sent_ = (next_sent_ + 1) % sent_.size();
    return;
  }
  std::rotate(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(next_sent_), sent_.end());
  sent_.push_back(one);
  next_sent_ = 0;
}

void StageRecorder::over(Slot& slot) {
  Command& command = slot.command;
  const StageTimes& times = command.times;
  if (!times.timed()) return;
  const bool answered = times.sent != Instant{};
  const Outcome& outcome = slot.outcome();
  if (command.counted)
    command.statistics->ended(command.kind, times,
                              {.bytes = slot.moved, .answered = answered, .failed = outcome.status != 0});
  const Instant now = loop().now();
  // What the socket had not taken when the connection ended, the initiator waits for to this day.
  const bool lost = slot.stage == Slot::Stage::answering && !answered && now - times.store_done >= held_up;
  if (limit_ > Duration(0) && (lost || now - times.received >= limit_)) {
    SlowCommand slow = describe(slot, now);
    slow.stage = answered ? CommandStage::over : slow.stage;
    if (!slow.tcp) slow.tcp = sample();
    recorder_.add(std::move(slow));
  }
  slot.overdue.reset();
}

TcpSample StageRecorder::sample() const { return {.at = loop().now(), .state = tcp_state(fd_)}; }

SlowCommand StageRecorder::describe(const Slot& slot, Instant now) const {
  SlowCommand slow{.facts = facts_of(slot), .stage = stage_of(slot), .until = now, .connection = trace_};
  if (slot.overdue != nullptr) slow.tcp = *slot.overdue;
  return slow;
}

void StageRecorder::expire() {
  recorder_.nothing_under_way();
  const Instant now = loop().now();
  limit_ = recorder_.limit();
  if (limit_ == Duration(0)) return;
  std::optional<Instant> next = look_at_commands(now);
  if (const std::optional<Instant> other = look_at_answers(now)) earlier(next, *other);
  if (next) look_later(std::max(*next, now + limit_ / 4));
}

/// When the next one of those that are not overdue yet will be.
std::optional<Instant> StageRecorder::look_at_commands(Instant now) {
  std::optional<Instant> next;
  for (const std::unique_ptr<Slot>& slot : commands_->slots()) {
    const StageTimes& times = slot->command.times;
    if (slot->stage == Slot::Stage::free || !times.timed() || slot->overdue != nullptr) continue;
    const Instant due = times.received + limit_;
    if (due > now) {
      earlier(next, due);
      continue;
    }
    slot->overdue = std::make_unique<TcpSample>(sample());
    log_overdue(*slot, now);
  }
  return next;
}

void StageRecorder::log_overdue(const Slot& slot, Instant now) {
  if (logged_ != Instant{} && now - logged_ < log_every) return;
  logged_ = now;
  log(LogLevel::warning, "{} on {}: {} (ITT {:08x}h) has been under way for {} ms; it is {}", trace_->initiator,
      trace_->target, scsi::words_of(slot.command.cdb), slot.tag,
      std::chrono::floor<std::chrono::milliseconds>(now - slot.command.times.received).count(),
      words_of(stage_of(slot)));
}

/// The one that is `age` places older than the youngest.
const StageRecorder::Sent& StageRecorder::sent(std::size_t age) const {
  return sent_[(next_sent_ + sent_.size() - 1 - age) % sent_.size()];
}

/// Answers that were acknowledged later than they may be, and when to look again for those that are not.
std::optional<Instant> StageRecorder::look_at_answers(Instant now) {
  std::optional<Instant> next;
  if (sent_.empty() || sent(0).end <= acknowledged_) return next;
  const std::uint64_t acknowledged = acknowledged_bytes(fd_);
  for (std::size_t age = sent_.size(); age-- > 0;) {
    const Sent& one = sent(age);
    if (one.end <= acknowledged_) continue;
    if (one.end > acknowledged) {
      const Instant due = one.facts.times.sent + limit_;
      earlier(next, due > now ? due : now + limit_ / 4);
    } else if (looked_ - one.facts.times.sent >= limit_) {
      // When somebody last looked it was late already.
      recorder_.add({.facts = one.facts, .until = now, .acknowledged = now, .tcp = sample(), .connection = trace_});
    }
  }
  acknowledged_ = acknowledged;
  looked_ = now;
  return next;
}

std::vector<SlowCommand> StageRecorder::stuck() const {
  std::vector<SlowCommand> all;
  const Instant now = loop().now();
  const Duration limit = recorder_.limit();
  if (limit == Duration(0)) return all;
  for (const std::unique_ptr<Slot>& slot : commands_->slots()) {
    const StageTimes& times = slot->command.times;
    if (slot->stage != Slot::Stage::free && times.timed() && now - times.received >= limit)
      all.push_back(describe(*slot, now));
  }
  const std::size_t with_slots = all.size();
  add_unacknowledged(all, now, limit);
  if (with_slots == 0) return all;
  const TcpSample state = sample();
  for (std::size_t i = 0; i < with_slots; ++i) all[i].tcp = state;
  return all;
}

void StageRecorder::add_unacknowledged(std::vector<SlowCommand>& to, Instant now, Duration limit) const {
  if (sent_.empty() || sent(0).end <= acknowledged_) return;
  const TcpSample state = sample();
  for (std::size_t age = sent_.size(); age-- > 0;) {
    const Sent& one = sent(age);
    if (one.end <= state.state.bytes_acked || now - one.facts.times.sent < limit) continue;
    to.push_back({.facts = one.facts,
                  .stage = CommandStage::unacknowledged,
                  .until = now,
                  .tcp = state,
                  .connection = trace_});
  }
}

}  // namespace holdfast::target
