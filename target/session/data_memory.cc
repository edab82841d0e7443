#include "target/session/data_memory.h"

#include <algorithm>

#include "common/base/check.h"
#include "target/lun/limits.h"
#include "target/session/command_window.h"

namespace holdfast::target {
namespace {

constexpr Duration idle_before_trim = std::chrono::seconds(2);
/// What the largest command needs: the least that a fair part can be.
constexpr std::size_t command_chunks_max = transfer_bytes_max / DataMemory::chunk_bytes;

}  // namespace

DataMemory::DataMemory(Loop& loop, const Limits& limits)
    : Timer(loop),
      loop_(loop),
      limits_(limits),
      pool_(chunk_bytes, limits.invited_chunks + limits.uninvited_chunks) {}

DataMemory::~DataMemory() { CHECK(sessions_ == 0 && invited_taken_ == 0 && uninvited_taken_ == 0); }

std::uint32_t DataMemory::window_width(std::uint32_t uninvited_bytes) const {
  if (uninvited_bytes == 0) return CommandWindow::width_max;
  const std::size_t chunks_per_command = (uninvited_bytes + chunk_bytes - 1) / chunk_bytes;
  const std::size_t width =
      limits_.uninvited_chunks / (chunks_per_command * std::max<std::size_t>(sessions_, 1));
  return static_cast<std::uint32_t>(
      std::clamp<std::size_t>(width, 1, CommandWindow::width_max));
}

std::size_t DataMemory::fair_part() const {
  return std::max(command_chunks_max, limits_.invited_chunks / std::max<std::size_t>(sessions_, 1));
}

void DataMemory::leave(Share& share) {
  CHECK(share.held_ == 0 && sessions_ > 0);
  if (share.in_line_) remove(share);
  --sessions_;
}

void DataMemory::take_chunks(std::span<std::byte*> chunks) {
  for (std::byte*& chunk : chunks) {
    chunk = pool_.take();
    CHECK(chunk != nullptr);
  }
  last_taken_ = loop_.now();
}

void DataMemory::give_back_chunks(std::span<std::byte*> chunks) {
  for (std::byte*& chunk : chunks) {
    pool_.give_back(chunk);
    chunk = nullptr;
  }
  if (invited_taken_ + uninvited_taken_ == 0 && !armed()) arm(loop_.now() + idle_before_trim);
}

bool DataMemory::take_invited(Share& share, std::span<std::byte*> chunks) {
  CHECK(chunks.size() <= command_chunks_max);
  if (share.held_ + chunks.size() > fair_part() || chunks.size() > invited_free()) return false;
  if (head_ != nullptr && served_ != &share) return false;  // Others were here first.
  take_chunks(chunks);
  invited_taken_ += chunks.size();
  share.held_ += chunks.size();
  return true;
}

bool DataMemory::take_uninvited(std::span<std::byte*> chunks) {
  if (chunks.size() > limits_.uninvited_chunks - uninvited_taken_) return false;
  take_chunks(chunks);
  uninvited_taken_ += chunks.size();
  return true;
}

void DataMemory::Share::give_back_invited(std::span<std::byte*> chunks) {
  if (chunks.empty()) return;
  memory_.invited_taken_ -= chunks.size();
  held_ -= chunks.size();
  memory_.give_back_chunks(chunks);
  if (parked_) memory_.push(*this);
  if (memory_.head_ != nullptr && !memory_.queued()) memory_.loop_.defer(memory_);
}

void DataMemory::Share::give_back_uninvited(std::span<std::byte*> chunks) {
  memory_.uninvited_taken_ -= chunks.size();
  memory_.give_back_chunks(chunks);
}

void DataMemory::wait(Share& share) {
  if (share.in_line_ || share.parked_) return;
  push(share);
  if (!queued()) loop_.defer(*this);
}

void DataMemory::push(Share& share) {
  share.parked_ = false;
  share.in_line_ = true;
  share.next_ = nullptr;
  *tail_ = &share;
  tail_ = &share.next_;
}

void DataMemory::remove(Share& share) {
  Share** link = &head_;
  while (*link != &share) link = &(*link)->next_;
  *link = share.next_;
  if (tail_ == &share.next_) tail_ = link;
  share.in_line_ = false;
}

// One command of one session after another, so that a session with a long line of its own delays
// the others by no more than a command. Nobody overtakes who only waits for chunks, or a large
// command would wait for ever behind small ones.
void DataMemory::run() {
  while (head_ != nullptr) {
    Share& share = *head_;
    const std::size_t wanted = share.wanted();
    if (wanted == 0) {
      remove(share);
    } else if (share.held_ + wanted > fair_part()) {
      remove(share);
      share.parked_ = true;  // It holds something, and gets in line again when it gives that back.
    } else if (wanted > invited_free()) {
      return;
    } else {
      served_ = &share;
      share.grant();
      served_ = nullptr;
      remove(share);
      if (share.wanted() > 0) push(share);
    }
  }
}

void DataMemory::expire() {
  if (loop_.now() - last_taken_ < idle_before_trim) {
    arm(last_taken_ + idle_before_trim);
    return;
  }
  if (invited_taken_ + uninvited_taken_ == 0) pool_.trim(0);
}

}  // namespace holdfast::target
