#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "common/base/units.h"
#include "initiator/fault/framing.h"
#include "initiator/fault/rules.h"

namespace holdfast::initiator {

/// How many bytes may pass now when a direction is throttled: so many a second, over all connections.
class Allowance {
 public:
  /// `bytes_per_second` 0: any number.
  std::uint64_t at(std::uint64_t bytes_per_second, Instant now);
  void spend(std::uint64_t bytes);
  /// When there will be some again.
  Instant next(std::uint64_t bytes_per_second) const;

 private:
  static constexpr std::uint64_t least = 512;
  double bytes_ = 0;
  Instant counted_at_{};
};

/// One direction of one connection: bytes that have come and may not go yet, in bounded memory, and what
/// the rules make of them. Pure.
class Flow {
 public:
  Flow(Way way, std::uint64_t connection, FaultRules& rules, Framing& framing, Allowance& allowance)
      : way_(way), connection_(connection), rules_(rules), framing_(framing), allowance_(allowance) {}

  static constexpr std::size_t bytes_most = 4 * MiB;

  /// Where to read into: nothing while it is full, or while the direction is held.
  std::span<std::byte> room();
  /// So many bytes of `room` have come.
  void arrived(std::size_t bytes, Instant now);

  /// What may go now. The rules may have given orders meanwhile, and then nothing may.
  std::span<const std::byte> next(Instant now);
  /// So many bytes of `next` have gone.
  void sent(std::size_t bytes, Instant now);
  /// When `next` may have more though nothing came and no step was due.
  std::optional<Instant> wakes(Instant now) const;
  /// Nothing more will arrive.
  void end() { ended_ = true; }
  /// Whatever comes is thrown away from now on.
  void shut() { shut_ = true; }

 private:
  /// Bytes up to `end`, a position in the stream, may go at `at`.
  struct Release {
    std::uint64_t end = 0;
    Instant at{};
  };
  struct Later {
    std::vector<std::byte> bytes;
    std::uint32_t places = 0;  // 0: until the StatSN is held no longer
    Instant at_the_latest{};
    bool complete = false;
  };

  void make_room();
  std::span<const std::byte> what_may_go(Instant now);
  std::size_t released(Instant now);
  std::size_t there() const { return end_ - begin_; }
  void take_away(std::size_t bytes);
  bool begin_message(std::size_t released_bytes, Instant now);
  void goes_before_others(Instant now);
  void keep_for_later(std::size_t bytes);
  std::span<const std::byte> next_late(Instant now);
  bool is_due(const Later& later, Instant now) const;
  void spoil(const MessageFate& fate, const Message& message);
  std::size_t bytes_that_may_pass(std::size_t most, Instant now);

  const Way way_;
  const std::uint64_t connection_;
  FaultRules& rules_;
  Framing& framing_;
  Allowance& allowance_;

  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t taken_ = 0;  // bytes that have left the buffer: the position of begin_
  std::deque<Release> releases_;
  std::uint64_t released_ = 0;  // the position up to which nothing waits, while something else does
  bool being_sent_ = false;     // the kernel reads the buffer, so it may not move

  /// Of the message, or of the bytes, that are passing.
  std::uint64_t left_ = 0;
  MessageFate fate_;
  bool bytes_only_ = false;
  std::optional<std::uint64_t> spoilt_at_;  // a position

  std::deque<Later> later_;
  std::size_t later_bytes_ = 0;
  std::size_t late_sent_ = 0;
  bool sending_late_ = false;
  bool shut_ = false;
  bool ended_ = false;
};

}  // namespace holdfast::initiator
