#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "initiator/watch/evidence_sample.h"

namespace holdfast::initiator {

/// The samples of the last minute and, while a stall lasts, of the minute before it and of the stall itself.
/// Its memory is bounded: of a stall that lasts longer than there is room for, the beginning and the end
/// are kept as they are, and what lies between is thinned.
class EvidenceRing {
 public:
  static constexpr std::size_t samples_max = 384;
  static constexpr Duration kept = std::chrono::seconds(60);

  EvidenceRing() { samples_.reserve(samples_max); }

  /// A stall that began at `began` lasts: nothing that is younger than a minute before it is let go.
  void hold(Instant began) { held_from_ = began; }
  void let_go() { held_from_ = Instant::max(); }

  void add(const EvidenceSample& sample);
  /// In the order of time.
  std::span<const EvidenceSample> samples() const { return samples_; }
  bool empty() const { return samples_.empty(); }
  const EvidenceSample& last() const { return samples_.back(); }

 private:
  void thin();

  std::vector<EvidenceSample> samples_;
  Instant held_from_ = Instant::max();
};

}  // namespace holdfast::initiator
