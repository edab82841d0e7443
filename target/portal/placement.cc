#include "target/portal/placement.h"

#include <tuple>

namespace holdfast::target {

unsigned Placement::choose(Instant now, std::span<const ThreadLoad> loads) {
  look(now, loads);
  const auto weight = [&](std::size_t thread) {
    return std::tuple(loads[thread].connections, loads[thread].processor_time - before_.processor_times[thread]);
  };
  std::size_t best = 0;
  for (std::size_t thread = 1; thread < loads.size(); ++thread)
    if (weight(thread) < weight(best)) best = thread;
  return static_cast<unsigned>(best);
}

/// Connections may come one by one or many at once, so what was lately is between one and two times
/// `lately` ago, or when one came last before that.
void Placement::look(Instant now, std::span<const ThreadLoad> loads) {
  const bool first = last_.processor_times.empty();
  if (!first && now - last_.at < lately) return;
  before_ = std::move(last_);
  last_.at = now;
  last_.processor_times.clear();
  for (const ThreadLoad& load : loads) last_.processor_times.push_back(load.processor_time);
  if (first) before_.processor_times.assign(loads.size(), Duration(0));
}

}  // namespace holdfast::target
