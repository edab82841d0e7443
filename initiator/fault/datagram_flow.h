#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "common/base/units.h"
#include "initiator/fault/flow.h"
#include "initiator/fault/rules.h"

namespace holdfast::initiator {

/// One direction of one sender's datagrams: those that have come and may not go yet. With jitter they
/// overtake one another. What finds no room is lost, as it would be in a router. Pure.
class DatagramFlow {
 public:
  DatagramFlow(Way way, std::uint64_t sender, FaultRules& rules, Allowance& allowance)
      : way_(way), sender_(sender), rules_(rules), allowance_(allowance) {}

  static constexpr std::size_t bytes_most = 4 * MiB;

  void arrived(std::span<const std::byte> bytes, Instant now);
  /// The next one that may go now, until `sent`.
  const std::vector<std::byte>* next(Instant now);
  void sent(Instant now);
  /// When `next` may have one, though nothing came and no step was due.
  std::optional<Instant> wakes(Instant now) const;

 private:
  struct Waiting {
    std::vector<std::byte> bytes;
    Instant at{};
    std::uint32_t places = 0;  // so many others go first
  };

  std::deque<Waiting>::iterator first_due(Instant now);

  const Way way_;
  const std::uint64_t sender_;
  FaultRules& rules_;
  Allowance& allowance_;
  std::deque<Waiting> waiting_;
  std::size_t bytes_ = 0;
};

}  // namespace holdfast::initiator
