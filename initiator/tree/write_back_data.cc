#include <algorithm>
#include <cstring>
#include <utility>

#include "initiator/tree/write_back_cache.h"
#include "initiator/tree/write_back_request.h"

// The half of the cache that file data passes through. What is put lies in slabs, one after the
// other, until the device has it; a slab is free again when all that was put into it is written.

namespace holdfast::initiator {

WriteBackCache::Slab* WriteBackCache::room_in_slab() {
  if (has_filling_) {
    Slab& slab = slabs_[filling_];
    if (slab.used + block_bytes_ <= slab_bytes) return &slab;
    has_filling_ = false;
    if (slab.unwritten == 0) slab_pool_.give_back(std::exchange(slab.memory, nullptr));
  }
  std::byte* memory = slab_pool_.take();
  if (memory == nullptr) return nullptr;
  filling_ = 0;
  while (slabs_[filling_].memory != nullptr) ++filling_;
  has_filling_ = true;
  slabs_[filling_] = Slab{.memory = memory, .used = 0, .unwritten = 0};
  return &slabs_[filling_];
}

std::size_t WriteBackCache::put_data(std::uint64_t offset, std::span<const std::byte> data,
                                     std::uint32_t file) {
  std::size_t taken = 0;
  while (taken < data.size() && !failure_) {
    Slab* slab = room_in_slab();
    if (slab == nullptr) break;
    const std::size_t bytes = std::min<std::size_t>(data.size() - taken, slab_bytes - slab->used);
    const auto whole = static_cast<std::uint32_t>(round_up(bytes, block_bytes_));
    std::byte* memory = slab->memory + slab->used;
    std::memcpy(memory, data.data() + taken, bytes);
    std::memset(memory + bytes, 0, whole - bytes);
    slab->used += whole;
    slab->unwritten += whole;
    data_unwritten_[epoch_] += whole;
    for (std::uint64_t at = offset + taken; at < offset + taken + whole; at += block_bytes_)
      unwritten_.insert(at / block_bytes_);
    data_queue_.add(WriteItem{.offset = offset + taken,
                              .memory = memory,
                              .bytes = whole,
                              .owner = filling_,
                              .file = file,
                              .epoch = epoch_});
    taken += bytes;
  }
  pump();
  return taken;
}

void WriteBackCache::data_written(const Request& request) {
  for (std::size_t i = 0; i < request.count; ++i) {
    const WriteItem& item = request.items[i];
    data_unwritten_[item.epoch] -= item.bytes;
    for (std::uint64_t at = item.offset; at < item.offset + item.bytes; at += block_bytes_)
      unwritten_.erase(at / block_bytes_);
    Slab& slab = slabs_[item.owner];
    slab.unwritten -= item.bytes;
    if (slab.unwritten > 0) continue;
    slab.used = 0;
    if (has_filling_ && filling_ == item.owner) continue;
    slab_pool_.give_back(std::exchange(slab.memory, nullptr));
  }
}

Task<Status> WriteBackCache::wait_for_room() {
  while (!failure_ && slab_pool_.available() == 0 &&
         (!has_filling_ || slabs_[filling_].used + block_bytes_ > slab_bytes)) {
    data_wanted_ = data_queue_.gathered_bytes() > 0;
    pump();
    co_await progress_.wait();
  }
  if (failure_) co_return *failure_;
  co_return Status();
}

void WriteBackCache::start_read(Request& request, const ReadPiece& piece, ReadJoin& join,
                                std::uint32_t file) {
  request.kind = Kind::data_read;
  request.join = &join;
  const std::size_t whole = round_down(piece.into.size(), block_bytes_);
  if (whole > 0) request.add_vector(piece.into.data(), whole);
  request.tail = piece.into.subspan(whole);
  if (!request.tail.empty()) {
    if (!request.bounce) request.bounce = Buffer(block_bytes_);
    request.add_vector(request.bounce.data(), block_bytes_);
  }
  ++join.left;
  submit(request, DeviceOperation::read, piece.offset, round_up(piece.into.size(), block_bytes_),
         file);
}

bool WriteBackCache::is_unwritten(const ReadPiece& piece) const {
  if (data_unwritten_[0] + data_unwritten_[1] == 0) return false;
  const std::uint64_t end = piece.offset + piece.into.size();
  for (std::uint64_t at = piece.offset; at < end; at += block_bytes_)
    if (unwritten_.contains(at / block_bytes_)) return true;
  return false;
}

Task<Status> WriteBackCache::read_data(std::span<const ReadPiece> pieces, std::uint32_t file) {
  // What was written a moment ago is read from the device like everything else. Only that is waited
  // for: a reader beside a steady writer would wait for ever otherwise.
  for (const ReadPiece& piece : pieces) {
    while (is_unwritten(piece) && !failure_) {
      data_wanted_ = data_queue_.gathered_bytes() > 0;
      pump();
      co_await progress_.wait();
    }
  }
  ReadJoin join;
  join.left = 1;  // ours, until every piece has been sent
  for (const ReadPiece& piece : pieces) {
    std::size_t sent = 0;
    while (sent < piece.into.size() && !failure_ && !join.error) {
      Request* request = co_await take_request_or_wait();
      if (request == nullptr) break;
      const std::size_t bytes = std::min<std::size_t>(piece.into.size() - sent, transfer_bytes_);
      start_read(*request, ReadPiece{piece.offset + sent, piece.into.subspan(sent, bytes)}, join,
                 file);
      sent += bytes;
    }
  }
  if (--join.left > 0) co_await join.done.wait();
  if (failure_) co_return *failure_;
  if (join.error) co_return *join.error;
  co_return Status();
}

}  // namespace holdfast::initiator
