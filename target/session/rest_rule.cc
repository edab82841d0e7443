#include "target/session/rest_rule.h"

#include <algorithm>

namespace holdfast::target {

void RestRule::sent(std::uint64_t bytes, std::uint32_t next_stat_sn) {
  batches_[next_batch_] = {bytes, next_stat_sn};
  next_batch_ = (next_batch_ + 1) % batches_max;
}

std::uint32_t RestRule::next_stat_sn_within(std::uint64_t bytes) const {
  for (std::size_t age = 1; age <= batches_max; ++age) {
    const BatchEnd& batch = batches_[(next_batch_ + batches_max - age) % batches_max];
    if (batch.bytes <= bytes) return batch.next_stat_sn;
  }
  return batches_[next_batch_].next_stat_sn;
}

Duration RestRule::next(Instant now, const Arrivals& arrivals) {
  if (arrivals.commands == 0) return Duration(0);
  const Duration interval = std::min((now - asked_) / arrivals.commands, rest_max);
  interval_ = (3 * interval_ + interval) / 4;
  asked_ = now;
  if (arrivals.unseen_answers < unseen_answers_min) return Duration(0);
  const std::size_t command_bytes = std::max<std::size_t>(arrivals.bytes / arrivals.commands, 1);
  const std::size_t commands = std::min<std::size_t>(arrivals.unseen_answers / 2, bytes_max / command_bytes);
  const Duration rest = std::min(interval_ * static_cast<std::int64_t>(commands), rest_max);
  return rest < rest_min ? Duration(0) : rest;
}

}  // namespace holdfast::target
