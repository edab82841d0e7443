#include "initiator/watch/evidence_ring.h"

#include <algorithm>

namespace holdfast::initiator {

void EvidenceRing::add(const EvidenceSample& sample) {
  const Instant oldest = std::min(sample.at, held_from_) - kept;
  const auto first = std::find_if(samples_.begin(), samples_.end(),
                                  [oldest](const EvidenceSample& one) { return one.at >= oldest; });
  samples_.erase(samples_.begin(), first);
  if (samples_.size() == samples_max) thin();
  samples_.push_back(sample);
}

/// Lets go of every second sample but for the first and the last quarter.
void EvidenceRing::thin() {
  const std::size_t begin = samples_max / 4;
  const std::size_t end = samples_max - samples_max / 4;
  std::size_t to = begin;
  for (std::size_t from = begin; from < samples_.size(); ++from) {
    const bool goes = from < end && (from - begin) % 2 == 1;
    if (!goes) samples_[to++] = samples_[from];
  }
  samples_.resize(to);
}

}  // namespace holdfast::initiator
