#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace holdfast {

/// Page-aligned memory of a fixed size, fit for direct I/O. Its contents start undefined.
class Buffer {
 public:
  static constexpr std::size_t alignment = 4096;

  Buffer() = default;
  /// Allocates `bytes`, rounded up to whole pages inside.
  explicit Buffer(std::size_t bytes);
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return bytes_; }
  explicit operator bool() const { return data_ != nullptr; }
  std::span<std::byte> span() { return {data_, bytes_}; }
  std::span<const std::byte> span() const { return {data_, bytes_}; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// A bounded stock of equal buffers, page-aligned. Address space for all of them is reserved at once;
/// the system gives memory page by page as they are used, the last one given back is taken first,
/// and `trim` lets the system have what lies idle. All buffers are back before the pool goes.
class BufferPool {
 public:
  BufferPool(std::size_t buffer_bytes, std::size_t buffers_max);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// What a taker may use; the distance between buffers is that, rounded up to whole pages.
  std::size_t buffer_bytes() const { return buffer_bytes_; }
  std::size_t buffers_max() const { return buffers_max_; }
  /// How many buffers can be taken now.
  std::size_t available() const { return buffers_max_ - taken_; }

  /// Takes a buffer, or returns nullptr when all are out. Its contents are undefined.
  std::byte* take();
  void give_back(std::byte* buffer);
  /// Gives the memory of unused buffers back to the system, but for the `keep` that would be taken
  /// next.
  void trim(std::size_t keep);

 private:
  const std::size_t buffer_bytes_;
  const std::size_t stride_;
  const std::size_t buffers_max_;
  std::byte* memory_ = nullptr;
  std::size_t fresh_ = 0;           // buffers from here on were never taken
  std::vector<std::byte*> unused_;  // given back, the last one on top
  std::size_t trimmed_ = 0;         // of those, how many from the bottom hold no memory
  std::size_t taken_ = 0;
};

}  // namespace holdfast
