#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/clock.h"

namespace holdfast::target {

/// How long a connection may go without looking for more commands. To be woken for each of them costs several times
/// what carrying it out does. An initiator whose kernel had many answers for it when it sent its last command, which
/// it had not looked at, is busy with those and waits for none of ours: until it has worked through half of them the
/// connection may rest, and finds what came meanwhile in one piece. One that waits for its answers, as any does with
/// few commands in flight, is never made to wait; nor are answers counted that are on their way. Pure.
class RestRule {
 public:
  struct Arrivals {
    std::uint32_t commands = 0;  // that came since this was last asked
    std::size_t bytes = 0;       // that they and their data were
    /// Answers that the initiator's kernel had, as far as we know, and that it had not seen itself when it sent the last
    /// of these commands.
    std::uint32_t unseen_answers = 0;
  };

  /// No rest is longer.
  static constexpr Duration rest_max = std::chrono::microseconds(100);
  /// A shorter one would cost more than it saves.
  static constexpr Duration rest_min = std::chrono::microseconds(20);
  static constexpr std::uint32_t unseen_answers_min = 8;
  /// No more than this is to gather in the socket, or the initiator would wait for room there.
  static constexpr std::size_t bytes_max = 64 * 1024;

  RestRule(Instant now, std::uint32_t next_stat_sn) : asked_(now) { batches_.fill({0, next_stat_sn}); }

  /// A batch has gone: `bytes` of the connection, up to its last one, and the StatSN after its last answer's.
  void sent(std::uint64_t bytes, std::uint32_t next_stat_sn);
  /// The StatSN after that of the last answer known to be among the first `bytes`.
  std::uint32_t next_stat_sn_within(std::uint64_t bytes) const;

  /// How long to rest; zero: not at all.
  Duration next(Instant now, const Arrivals& arrivals);

 private:
  struct BatchEnd {
    std::uint64_t bytes = 0;
    std::uint32_t next_stat_sn = 0;
  };
  /// Those of more batches are on their way hardly ever, and then fewer count as arrived.
  static constexpr std::size_t batches_max = 32;

  Instant asked_;
  Duration interval_ = rest_max;  // between commands, lately
  std::array<BatchEnd, batches_max> batches_;
  std::size_t next_batch_ = 0;
};

}  // namespace holdfast::target
