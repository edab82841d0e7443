#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/base/clock.h"
#include "common/base/endian.h"

namespace holdfast::iscsi {

/// The data of a NOP-Out by which a target of ours can tell how the initiator's clock stands to its
/// own. Every ping says when it was sent, and when the answer to an earlier one came; the target knows
/// when that came and was answered, so it has all four moments of a round trip. Any other target gives
/// the data back and makes nothing of it.
struct ClockPing {
  std::uint64_t number = 0;  // counts the pings of a connection, from 1
  Instant sent{};            // by the initiator's clock
  /// An earlier ping, and when its answer came; 0: none has come yet.
  std::uint64_t answered_number = 0;
  Instant answered{};

  bool operator==(const ClockPing&) const = default;
};

inline constexpr std::size_t clock_ping_bytes = 40;

std::array<std::byte, clock_ping_bytes> encode(const ClockPing& ping);
/// Nothing if `data` is not such a ping's.
std::optional<ClockPing> decode_clock_ping(std::span<const std::byte> data);

}  // namespace holdfast::iscsi
