#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/clock.h"
#include "initiator/device/path_witness.h"
#include "initiator/watch/host_counters.h"

namespace holdfast::initiator {

/// How often somebody knocked at the peer's door so far, and what became of it; and the attempt under way.
struct KnockCount {
  std::uint32_t tried = 0;
  std::uint32_t connected = 0;
  std::uint32_t answered = 0;
  std::uint32_t refused = 0;
  Duration took{};        // until the last one that was taken was taken
  Duration connecting{};  // since when no attempt was taken, while one is under way
  Duration waiting{};     // for how long one that was taken has had no answer
  Instant answered_at{};  // the last one that was
};

/// The datagrams to the echo port so far.
struct EchoCount {
  std::uint32_t sent = 0;
  std::uint32_t answered = 0;
  // The last run of datagrams without an answer that an answer has ended.
  std::uint32_t unanswered = 0;
  std::uint32_t unanswered_received = 0;  // and how many of them the peer says to have received
  Instant answered_again{};
};

/// Everything that is looked at, at one moment. What counts counts from the beginning of the run or longer.
struct EvidenceSample {
  static constexpr std::size_t connections_max = 4;

  Instant at{};
  Duration loop_late{};
  std::uint64_t operations = 0;  // that ended
  HostSample host;
  KnockCount knock;
  EchoCount echo;
  std::size_t connection_count = 0;
  std::array<ConnectionEvidence, connections_max> connections;  // those whose answers are the oldest owed ones
};

}  // namespace holdfast::initiator
