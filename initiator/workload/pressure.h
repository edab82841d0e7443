#pragma once

#include <atomic>
#include <cstdint>

#include "initiator/workload/finished_files.h"
#include "initiator/workload/locks.h"
#include "initiator/workload/readers.h"

namespace holdfast::initiator {

/// What goes on beside a copy, on the files that it has finished.
struct PressureOptions {
  std::uint32_t readers = 0;
  bool locks = false;
  std::uint64_t seed = 1;
  Readers::OnRead on_read;

  bool any() const { return readers > 0 || locks; }
};

struct PressureResult {
  ReadersResult readers;
  LocksResult locks;
};

/// Readers and lockers on one sample of finished files, from a copy's start to its sync's end.
class Pressure {
 public:
  Pressure(Loop& loop, Tree& tree, const PressureOptions& options,
           const std::atomic<bool>& cancelled, PressureResult& result)
      : options_(options),
        files_(tree, options.seed),
        readers_(loop, tree, files_, options.seed, cancelled, result.readers),
        lockers_(loop, tree, files_, options.seed, cancelled, result.locks) {}

  void start() {
    readers_.start(options_.readers, options_.on_read);
    if (options_.locks) lockers_.start();
  }
  Task<void> stop() {
    co_await readers_.stop();
    co_await lockers_.stop();
  }
  /// Where the copy brings its finished files; null if nobody wants them.
  FinishedFiles* files() { return options_.any() ? &files_ : nullptr; }

 private:
  const PressureOptions& options_;
  FinishedFiles files_;
  Readers readers_;
  Lockers lockers_;
};

}  // namespace holdfast::initiator
