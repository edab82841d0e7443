#include "target/session/command_set.h"

#include <algorithm>

#include "common/base/check.h"

namespace holdfast::target {
namespace {

std::uint32_t most_uninvited(const iscsi::Parameters& parameters) {
  const std::uint32_t immediate =
      parameters.immediate_data ? parameters.our_max_recv_data_segment_length : 0;
  const std::uint32_t burst = parameters.initial_r2t ? immediate : parameters.first_burst_length;
  return std::min({burst, parameters.first_burst_length, transfer_bytes_max});
}

}  // namespace

CommandSet::CommandSet(const SessionParts& session, Sender& sender, StageRecorder& stages, const Settings& settings,
                       Owner& owner)
    : Share(session.memory),
      target_(session.target),
      nexus_(session.nexus),
      window_(session.window),
      tags_(session.tags),
      sender_(sender),
      stages_(stages),
      settings_(settings),
      uninvited_bytes_max_(most_uninvited(settings.parameters)),
      owner_(owner) {
  set_peer_segment_bytes_max(settings.parameters.peer_max_recv_data_segment_length);
  stages_.watch(*this);
}

CommandSet::~CommandSet() { CHECK(in_use_ == 0); }

void CommandSet::set_peer_segment_bytes_max(std::uint32_t bytes) {
  // Whole words, so that only a command's last Data-In can need padding.
  data_in_segment_bytes_ =
      static_cast<std::uint32_t>(round_down(std::min(bytes, settings_.send_segment_bytes_max), 4));
}

void CommandSet::data_landed() {
  if (landing_ == nullptr) return;
  Slot& slot = *landing_;
  landing_ = nullptr;
  slot.landing = false;
  if (slot.stage == Slot::Stage::leaving)
    free(slot);
  else
    advance(slot);
}

// The next step of a command that gathers: wait for data, wait for memory, ask for data, or go.
void CommandSet::advance(Slot& slot) {
  if (slot.stage != Slot::Stage::gathering || slot.aborting || slot.landing) return;
  if (slot.gather.unsolicited_is_open()) return;
  if (slot.spoiled) {
    if (!slot.gather.awaits_data()) fail_for_spoiled_data(slot);
    return;
  }
  if (slot.failed && !slot.begun) {
    answer(slot);
    return;
  }
  if (slot.chunk_count_ < slot.chunks_wanted() && !take_rest(slot)) {
    enter_line(slot);
    return;
  }
  if (slot.gather.is_complete()) slot.command.times.stamp(slot.command.times.in_hand);
  if (slot.gather.is_complete() && !held_)
    execute(slot);
  else if (slot.gather.can_request() && !slot.in_line())
    sender_.queue(slot);
}

void CommandSet::execute(Slot& slot) {
  slot.stage = Slot::Stage::executing;
  slot.command.vectors = slot.name_chunks();
  if (slot.transfer.direction == Transfer::Direction::out)
    slot.command.data_out_bytes = slot.gather.wanted();
  target_.execute(slot.command);
}

void CommandSet::done(Command& command) {
  Slot& slot = *static_cast<Slot*>(command.owner);
  slot.begun = false;
  slot.set_.finish(slot);
}

void CommandSet::finish(Slot& slot) {
  leave_line(slot);
  sender_.remove(slot);
  const bool silent = slot.command.outcome.aborted && !slot.failed;
  if (!silent && !closed_) {
    answer(slot);
    if (slot.aborting) owner_.command_aborted(slot);
    return;
  }
  retire(slot);
  if (slot.aborting) owner_.command_aborted(slot);
  leave(slot);
}

void CommandSet::answer(Slot& slot) {
  if (closed_) {
    leave(slot);
    return;
  }
  const Outcome& outcome = slot.outcome();
  const bool sends = slot.transfer.direction == Transfer::Direction::in;
  std::uint32_t moved = 0;
  if (sends) {
    moved = std::min(slot.reads ? slot.expected : 0, outcome.data_in_bytes);
    if (moved > 0) {
      slot.data_in =
          DataInCutter(moved, data_in_segment_bytes_, settings_.parameters.max_burst_length);
    }
  } else if (!slot.failed) {
    moved = slot.wanted();
  }
  slot.residual = Residual::of(slot.reads || slot.writes ? slot.expected : 0, slot.transfer.bytes,
                               moved);
  slot.moved = moved;
  slot.stage = Slot::Stage::answering;
  // Not every command comes by every stage.
  StageTimes& times = slot.command.times;
  times.stamp(times.in_hand);
  times.stamp(times.store_started);
  times.stamp(times.store_done);
  sender_.queue(slot);
}

/// The command fails for a reason of iSCSI's own: it is taken back from the device server first.
void CommandSet::fail(Slot& slot, const Outcome& why) {
  slot.failed = true;
  slot.failure = why;
  if (slot.begun)
    abort(slot);
  else
    answer(slot);
}

bool CommandSet::is_abortable(const Slot& slot) {
  return slot.stage == Slot::Stage::gathering || slot.stage == Slot::Stage::executing;
}

void CommandSet::abort(Slot& slot) {
  CHECK(is_abortable(slot));
  if (slot.aborting) return;
  slot.aborting = true;
  sender_.remove(slot);  // It asks for no more data.
  if (slot.begun) {
    target_.abort(slot.command);
    return;
  }
  slot.command.outcome.aborted = true;
  slot.failed = false;
  finish(slot);
}

/// The command needs its place in the window and its tag no more.
void CommandSet::retire(Slot& slot) {
  if (slot.retired) return;
  slot.retired = true;
  tags_.erase(slot.tag);
  if (slot.immediate)
    --immediate_open_;
  else
    window_.finished();
  window_.set_width(std::min(settings_.queued_commands, window_width(uninvited_bytes_max_)));
}

void CommandSet::released(Slot& slot) {
  if (slot.stage != Slot::Stage::answering) return;
  if (!sender_.is_closed()) stages_.answered(slot, sender_.bytes_sent());
  free(slot);
}

void CommandSet::leave(Slot& slot) {
  slot.stage = Slot::Stage::leaving;
  if (!slot.landing) free(slot);
}

void CommandSet::free(Slot& slot) {
  retire(slot);
  stages_.over(slot);
  const std::span<std::byte*> chunks = std::span(slot.chunks_).first(slot.chunk_count_);
  give_back_uninvited(chunks.first(slot.uninvited_count_));
  give_back_invited(chunks.subspan(slot.uninvited_count_));
  slot.chunk_count_ = slot.uninvited_count_ = 0;
  slot.stage = Slot::Stage::free;
  free_.push_back(&slot);
  --in_use_;
  if (closed_ && in_use_ == 0) owner_.commands_gone();
}

void CommandSet::release() {
  held_ = false;
  for (const std::unique_ptr<Slot>& slot : slots_) advance(*slot);
}

void CommandSet::close(bool session_goes_on) {
  closed_ = true;
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (!is_abortable(*slot)) continue;
    if (session_goes_on && slot->begun) target_.ends_with_connection(slot->command);
    abort(*slot);
  }
}

void CommandSet::reader_gone() {
  if (landing_ == nullptr) return;
  Slot& slot = *landing_;
  landing_ = nullptr;
  slot.landing = false;
  if (slot.stage == Slot::Stage::leaving) free(slot);
}

bool CommandSet::awaits_data() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const std::unique_ptr<Slot>& slot) {
    return slot->stage == Slot::Stage::gathering && slot->gather.awaits_data();
  });
}

bool CommandSet::take_rest(Slot& slot) {
  // In the session's own line nobody overtakes either.
  if (first_waiting_ != nullptr && first_waiting_ != &slot) return false;
  const std::size_t missing = slot.chunks_wanted() - slot.chunk_count_;
  if (!take_invited(std::span(slot.chunks_).subspan(slot.chunk_count_, missing))) return false;
  slot.chunk_count_ += missing;
  return true;
}

void CommandSet::enter_line(Slot& slot) {
  if (slot.waiting) return;
  slot.waiting = true;
  slot.next_waiting = nullptr;
  (last_waiting_ != nullptr ? last_waiting_->next_waiting : first_waiting_) = &slot;
  last_waiting_ = &slot;
  wait();
}

void CommandSet::leave_line(Slot& slot) {
  if (!slot.waiting) return;
  slot.waiting = false;
  Slot* before = nullptr;
  Slot** link = &first_waiting_;
  while (*link != &slot) {
    before = *link;
    link = &before->next_waiting;
  }
  *link = slot.next_waiting;
  if (last_waiting_ == &slot) last_waiting_ = before;
}

std::size_t CommandSet::wanted() const {
  if (first_waiting_ == nullptr) return 0;
  return first_waiting_->chunks_wanted() - first_waiting_->chunk_count_;
}

void CommandSet::grant() {
  Slot& slot = *first_waiting_;
  CHECK(take_rest(slot));
  leave_line(slot);
  advance(slot);
}

}  // namespace holdfast::target
