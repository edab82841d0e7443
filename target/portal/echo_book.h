#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/base/clock.h"
#include "common/base/echo_datagram.h"

namespace holdfast::target {

/// Which datagrams the echo answers, and with what. It answers with as many bytes as it got, and only
/// what cannot be an answer itself, so it amplifies nothing and two of its kind cannot keep each other
/// busy. Pure.
class EchoBook {
 public:
  static constexpr std::uint32_t burst_max = 100;
  static constexpr std::uint32_t a_second = 1000;
  static constexpr std::size_t runs_max = 64;  // whose datagrams are counted; then the one that was silent longest goes

  explicit EchoBook(Instant now) : filled_(now) {}

  /// The answer, or nothing.
  std::optional<EchoDatagram> answer(std::span<const std::byte> datagram);

  /// Takes the right to look at one more datagram. If there is none now, when there will be.
  std::optional<Instant> take_turn(Instant now);

 private:
  struct Run {
    std::uint64_t number = 0;
    std::uint64_t received = 0;
    std::uint64_t last = 0;  // by the count of all datagrams
  };

  std::array<Run, runs_max> runs_{};
  std::uint64_t answered_ = 0;
  std::uint32_t turns_ = burst_max;
  Instant filled_;
};

}  // namespace holdfast::target
