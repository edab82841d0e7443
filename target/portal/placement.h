#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "common/base/clock.h"

namespace holdfast::target {

/// What weighs on one thread.
struct ThreadLoad {
  std::size_t connections = 0;
  Duration processor_time{};  // since it began
};

/// Which thread gets the next connection. Connections stay where they are, so what counts is that
/// they are spread evenly, whatever they do at the moment. Pure.
class Placement {
 public:
  /// Of which time a thread's load counts, about.
  static constexpr Duration lately = std::chrono::seconds(2);

  /// The thread with the fewest connections; of several, that which had least to do lately; of those,
  /// the first.
  unsigned choose(Instant now, std::span<const ThreadLoad> loads);

 private:
  struct Look {
    Instant at{};
    std::vector<Duration> processor_times;
  };
  void look(Instant now, std::span<const ThreadLoad> loads);

  Look before_;  // loads are counted from here
  Look last_;    // and from here, once it is old enough
};

}  // namespace holdfast::target
