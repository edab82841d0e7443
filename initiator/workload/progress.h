#pragma once

#include <cstdint>
#include <string>

namespace holdfast::initiator {

/// Where a workload stands; written by it and sampled by whoever shows it, on the same loop.
struct Progress {
  enum class Phase { looking, copying, syncing, verifying, over };
  Phase phase = Phase::looking;
  std::uint64_t entries_total = 0;
  std::uint64_t entries_done = 0;
  std::uint64_t bytes_total = 0;  // of files' data, without holes
  std::uint64_t bytes_done = 0;
  std::uint64_t problems = 0;
  std::string current;  // the path that is worked on
};

}  // namespace holdfast::initiator
