#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "initiator/report/latency_summary.h"

namespace holdfast::initiator {

/// What a block load did, for its report.
struct LoadFigures {
  std::string access;  // "randread"
  std::uint64_t block_bytes = 0;
  std::uint64_t depth = 0;  // of each session
  std::uint64_t sessions = 1;
  std::uint64_t read_percent = 0;  // of randrw
  std::uint64_t range_bytes = 0;   // of the device that was used
  bool shortened = false;          // since the verification keeps track of no more
  std::uint64_t seed = 0;
  Duration poll{};        // how long the generator asks for answers before it sleeps
  double rate_asked = 0;  // operations a second; 0: a closed loop
  Duration time{};        // from the first operation to the last
  Duration loop_time{};   // of the thread that generates it, meanwhile

  struct Direction {
    std::uint64_t operations = 0;
    std::uint64_t bytes = 0;
    LatencySummary latency;  // from when it was due
    LatencySummary service;  // open loop: from when it was sent
  };
  Direction reads;
  Direction writes;

  // Open loop: due, and not sent at once, since the queue was full.
  std::uint64_t waiting_most = 0;
  Duration waited_longest{};
  std::uint64_t never_sent = 0;

  // With verification.
  std::uint64_t checked_blocks = 0;     // judged while the load ran
  std::uint64_t unlabelled_blocks = 0;  // of those, by a load that only reads: not written by a load
  std::uint64_t read_back_blocks = 0;   // judged afterwards, in a new session
  bool read_back = false;               // all that was written
  bool lenient = false;  // the connection broke, and the device's cache may have lost what it held

  std::uint64_t operations() const { return reads.operations + writes.operations; }
  std::uint64_t bytes() const { return reads.bytes + writes.bytes; }
  /// Operations a second.
  double rate() const;
  /// The generating thread's share of a processor.
  double share() const;
  /// It had hardly a pause: the path may be able to do more.
  bool saturated() const;
};

}  // namespace holdfast::initiator
