#include "initiator/tree/write_queue.h"

#include <algorithm>

#include "common/base/check.h"

namespace holdfast::initiator {
namespace {

bool continues(const WriteItem& last, const WriteItem& item) {
  return last.offset + last.bytes == item.offset && last.memory + last.bytes == item.memory &&
         last.owner == item.owner && last.epoch == item.epoch;
}

}  // namespace

void WriteQueue::add(const WriteItem& item) {
  gathered_bytes_ += item.bytes;
  if (!gathered_.empty() && continues(gathered_.back(), item))
    gathered_.back().bytes += item.bytes;
  else
    gathered_.push_back(item);
}

void WriteQueue::begin_batch() {
  CHECK(batch_exhausted());
  batch_.clear();
  batch_.swap(gathered_);
  next_ = 0;
  gathered_bytes_ = 0;
  const auto by_address = [](const WriteItem& a, const WriteItem& b) {
    return a.offset < b.offset;
  };
  if (!std::is_sorted(batch_.begin(), batch_.end(), by_address))
    std::sort(batch_.begin(), batch_.end(), by_address);
}

std::size_t WriteQueue::take_run(std::uint32_t bytes_max, std::span<WriteItem> items) {
  std::size_t count = 0;
  std::uint32_t bytes = 0;
  while (count < items.size() && bytes < bytes_max && !batch_exhausted()) {
    WriteItem& next = batch_[next_];
    if (count > 0 && items[count - 1].offset + items[count - 1].bytes != next.offset) break;
    WriteItem& taken = items[count++];
    taken = next;
    taken.bytes = std::min(next.bytes, bytes_max - bytes);
    bytes += taken.bytes;
    if (taken.bytes == next.bytes) {
      ++next_;
      continue;
    }
    next.offset += taken.bytes;
    next.memory += taken.bytes;
    next.bytes -= taken.bytes;
  }
  return count;
}

void WriteQueue::clear() {
  gathered_.clear();
  batch_.clear();
  next_ = 0;
  gathered_bytes_ = 0;
}

}  // namespace holdfast::initiator
