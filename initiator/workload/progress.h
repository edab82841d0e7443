#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"

namespace holdfast::initiator {

/// Where a workload stands; written by it and sampled by whoever shows it, on the same loop.
struct Progress {
  enum class Phase { looking, copying, syncing, verifying, loading, reading_back, over };
  Phase phase = Phase::looking;
  std::uint64_t entries_total = 0;
  std::uint64_t entries_done = 0;
  std::uint64_t bytes_total = 0;  // of files' data, without holes
  std::uint64_t bytes_done = 0;
  std::uint64_t problems = 0;
  std::string current;  // the path that is worked on
  // Of a load: its operations are the entries.
  Instant until{};            // when its time is over
  std::uint64_t waiting = 0;  // operations that are due and find no free place in the queue
};

}  // namespace holdfast::initiator
