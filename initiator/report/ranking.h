#pragma once

#include <cstdint>
#include <vector>

#include "initiator/report/judgement.h"

namespace holdfast::initiator {

/// Who copied faster than whom, as far as it can be told.
struct Ranking {
  /// Why a destination that took longer than the fastest is not called slower.
  enum class Doubt : std::uint8_t {
    none,        // it is slower
    few_rounds,  // too few to know a spread
    spread,      // their ranges touch
    noise,       // the A/A row differs from itself by as much
    saturated,   // the tool itself could do no more there, so it may have been the tool
  };
  struct Place {
    const DestinationSummary* row = nullptr;
    double times = 1;  // the fastest's median copy time
    Doubt doubt = Doubt::none;
  };

  std::vector<Place> places;                        // by median copy time; the first is the fastest
  std::vector<const DestinationSummary*> excluded;  // contenders of which not every run finished
};

/// Ranks the contenders among `rows` of that cache state.
Ranking rank(const std::vector<DestinationSummary>& rows, CacheState cache,
             const MachineNoise& noise);
/// The noise that twins of that cache state show.
MachineNoise noise_of(const CompareRecord& record, CacheState cache);

}  // namespace holdfast::initiator
