#include "common/runtime/buffer.h"

#include <new>

#include "common/base/check.h"
#include "common/base/units.h"

namespace holdfast {

Buffer::Buffer(std::size_t bytes)
    : data_(static_cast<std::byte*>(
          ::operator new(round_up(bytes, alignment), std::align_val_t{alignment}))),
      bytes_(bytes) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Buffer::~Buffer() {
  if (data_ != nullptr) ::operator delete(data_, std::align_val_t{alignment});
}

BufferPool::BufferPool(std::size_t buffer_bytes, std::size_t buffers_max)
    : buffer_bytes_(buffer_bytes), buffers_max_(buffers_max) {
  unused_.reserve(buffers_max);
}

BufferPool::~BufferPool() {
  CHECK(taken_ == 0);
  trim(0);
}

std::byte* BufferPool::take() {
  if (taken_ == buffers_max_) return nullptr;
  ++taken_;
  if (unused_.empty())
    return static_cast<std::byte*>(
        ::operator new(buffer_bytes_, std::align_val_t{Buffer::alignment}));
  std::byte* buffer = unused_.back();
  unused_.pop_back();
  return buffer;
}

void BufferPool::give_back(std::byte* buffer) {
  CHECK(taken_ > 0 && buffer != nullptr);
  --taken_;
  unused_.push_back(buffer);
}

void BufferPool::trim(std::size_t keep) {
  while (unused_.size() > keep) {
    ::operator delete(unused_.back(), std::align_val_t{Buffer::alignment});
    unused_.pop_back();
  }
}

}  // namespace holdfast
