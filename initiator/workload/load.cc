#include "initiator/workload/load.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <utility>

#include "common/base/units.h"

namespace holdfast::initiator {
namespace {

/// How often another random block is tried when the first one is being written.
constexpr int tries = 8;

}  // namespace

Load::Load(Loop& loop, std::span<Device* const> sessions, const LoadPlan& plan,
           GenerationTable* table, Progress& progress, const std::atomic<bool>& cancelled,
           BlockFaultFound found)
    : plan_(plan),
      table_(table),
      progress_(progress),
      found_(std::move(found)),
      pipeline_(loop, sessions, plan.options.depth, plan.options.block_bytes, *this, cancelled) {
  for (std::uint32_t session = 0; session < sessions.size(); ++session)
    sequences_.emplace_back(plan, session);
  if (!writes(plan.options.access) || table != nullptr) return;
  // What is written without being verified does not compress, and no two blocks are alike.
  RandomNumbers random(plan.options.seed);
  for (BlockSlot& slot : pipeline_.slots()) {
    for (std::size_t at = 0; at < plan.options.block_bytes; at += sizeof(std::uint64_t)) {
      const std::uint64_t word = random.next();
      std::memcpy(slot.data + at, &word, sizeof word);
    }
  }
}

Task<void> Load::run() {
  start_ = clock_now();
  end_ = start_ + plan_.options.time;
  last_ = start_;
  if (plan_.options.rate > 0) schedule_.emplace(plan_.options.rate, start_, end_);
  result_.status = co_await pipeline_.drive();
  if (!schedule_) co_return;
  const Instant now = std::min(clock_now(), end_);
  note_waiting(now);
  result_.never_sent = schedule_->waiting(now);
  if (result_.never_sent > 0)
    result_.waited_longest = std::max(result_.waited_longest, now - schedule_->next_due());
  result_.time = std::max(result_.time, now - start_);
}

BlockSource::Next Load::next(BlockSlot& slot, Instant now) {
  if (now >= end_) return Next::over;
  if (schedule_ && (schedule_->over() || schedule_->next_due() > now)) return Next::wait;
  AccessSequence& sequence = sequences_[slot.session];
  if (table_ != nullptr && sequence.current().write && !find_free_block(sequence))
    return Next::wait;
  prepare(slot, sequence.current());
  sequence.taken();
  if (schedule_) {
    slot.request.due = schedule_->next_due();
    result_.waited_longest = std::max(result_.waited_longest, now - slot.request.due);
    schedule_->take();
  }
  return Next::send;
}

std::optional<Instant> Load::pause(Instant now) {
  if (!schedule_) return end_;
  note_waiting(now);
  // What is due already waits for a completion.
  const bool later = !schedule_->over() && schedule_->next_due() > now;
  return later ? std::min(schedule_->next_due(), end_) : end_;
}

/// A block that no write is in flight to, and that was not written too often for the table.
bool Load::find_free_block(AccessSequence& sequence) const {
  for (int i = 0; i < tries; ++i) {
    const std::uint64_t block = sequence.current().block;
    if (!table_->writing(block) && table_->newest(block) < GenerationTable::generation_max)
      return true;
    if (!sequence.another_block()) return false;
  }
  return false;
}

void Load::prepare(BlockSlot& slot, const AccessSequence::Step& step) {
  const std::uint32_t block_bytes = plan_.options.block_bytes;
  slot.block = step.block;
  slot.request.operation = step.write ? DeviceOperation::write : DeviceOperation::read;
  slot.request.offset = step.block * block_bytes;
  slot.request.bytes = block_bytes;
  if (!step.write) {
    slot.generation = table_ == nullptr ? 0 : table_->oldest(step.block);
  } else if (table_ == nullptr) {
    stamp(slot);
  } else {
    slot.generation = table_->begin_write(step.block);
    write_pattern(slot.memory(), {.run = plan_.run,
                                  .seed = plan_.options.seed,
                                  .sector = slot.request.offset / sector_bytes,
                                  .generation = slot.generation,
                                  .session = slot.session});
  }
}

void Load::stamp(BlockSlot& slot) {
  for (std::size_t at = 0; at < slot.request.bytes; at += 4 * KiB) {
    const std::uint64_t stamp[2] = {++stamps_, slot.request.offset + at};
    std::memcpy(slot.data + at, stamp, sizeof stamp);
  }
}

void Load::finished(BlockSlot& slot, Instant now) {
  const DeviceRequest& request = slot.request;
  const bool write = request.operation == DeviceOperation::write;
  if (write && table_ != nullptr) table_->end_write(slot.block, request.error == 0);
  if (request.error != 0) return;
  last_ = std::max(last_, now);
  result_.time = last_ - start_;
  LoadResult::Direction& direction = write ? result_.writes : result_.reads;
  ++direction.operations;
  direction.bytes += request.bytes;
  // A turn's completions carry the time of its beginning, which may be before they were sent.
  if (schedule_) direction.service.record(std::max(Duration(0), now - slot.sent));
  ++progress_.entries_done;
  progress_.bytes_done += request.bytes;
  if (!write && plan_.options.verify) judge(slot);
}

void Load::judge(const BlockSlot& slot) {
  const std::span<const std::byte> block(slot.data, slot.request.bytes);
  const std::uint64_t sector = slot.request.offset / sector_bytes;
  ++result_.checked_blocks;
  std::optional<BlockFault> fault;
  if (table_ != nullptr) {
    const std::uint32_t newest = table_->newest(slot.block);
    fault = judge_block(block, {.run = plan_.run,
                                .sector = sector,
                                .oldest = slot.generation,
                                .newest = newest,
                                .overlapped = slot.generation != newest});
  } else {
    fault = judge_unknown_block(block, sector);
    if (!has_label(block)) ++result_.unlabelled_blocks;
  }
  if (!fault) return;
  ++result_.faults;
  found_(*fault);
}

void Load::note_waiting(Instant now) {
  const std::uint64_t waiting = schedule_->waiting(now);
  progress_.waiting = waiting;
  result_.waiting_most = std::max(result_.waiting_most, waiting);
}

}  // namespace holdfast::initiator
