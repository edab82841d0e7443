#include "common/runtime/buffer.h"

#include <sys/mman.h>

#include <algorithm>
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
    : buffer_bytes_(buffer_bytes),
      stride_(round_up(buffer_bytes, Buffer::alignment)),
      buffers_max_(buffers_max) {
  void* memory = ::mmap(nullptr, stride_ * buffers_max_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<std::byte*>(memory);
  unused_.reserve(buffers_max_);
}

BufferPool::~BufferPool() {
  CHECK(taken_ == 0);
  ::munmap(memory_, stride_ * buffers_max_);
}

std::byte* BufferPool::take() {
  if (taken_ == buffers_max_) return nullptr;
  ++taken_;
  if (unused_.empty()) return memory_ + stride_ * fresh_++;
  std::byte* buffer = unused_.back();
  unused_.pop_back();
  trimmed_ = std::min(trimmed_, unused_.size());
  return buffer;
}

void BufferPool::give_back(std::byte* buffer) {
  CHECK(taken_ > 0 && buffer != nullptr);
  --taken_;
  unused_.push_back(buffer);
}

void BufferPool::trim(std::size_t keep) {
  for (; trimmed_ + keep < unused_.size(); ++trimmed_)
    ::madvise(unused_[trimmed_], stride_, MADV_DONTNEED);
}

}  // namespace holdfast
