#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <sys/uio.h>

#include "common/base/result.h"
#include "common/runtime/buffer.h"
#include "common/runtime/event.h"
#include "initiator/device/device.h"
#include "initiator/tree/write_back_cache.h"
#include "initiator/tree/write_queue.h"

// The cache's own, shared by its two source files.

namespace holdfast::initiator {

/// Several pieces that one call reads; the last to end wakes it.
struct WriteBackCache::ReadJoin {
  std::uint32_t left = 0;
  std::optional<Error> error;
  Event done;
};

/// One request to the device with everything that its answer needs.
struct WriteBackCache::Request {
  DeviceRequest device;
  std::array<iovec, vectors_max> vectors;
  /// What a write carries, one for each vector.
  std::array<WriteItem, vectors_max> items;
  std::size_t count = 0;  // of vectors
  Kind kind = Kind::data;
  WriteBackCache* cache = nullptr;
  Request* next_free = nullptr;

  bool answered = false;      // for whoever waits by looking
  ReadJoin* join = nullptr;   // of a data read
  Buffer bounce;              // for the part of a file's last block that nobody asked for
  std::span<std::byte> tail;  // where the asked-for part of it goes

  void add_vector(std::byte* memory, std::size_t bytes) { vectors[count++] = iovec{memory, bytes}; }
};

}  // namespace holdfast::initiator
