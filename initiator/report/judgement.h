#pragma once

#include <array>
#include <string>
#include <vector>

#include "initiator/report/compare_record.h"
#include "initiator/report/figures.h"
#include "initiator/report/spread.h"

namespace holdfast::initiator {

/// What the runs of one destination say together, those of one cache state.
struct DestinationSummary {
  const CompareDestination* destination = nullptr;  // in the record
  CacheState cache = CacheState::warm;
  std::vector<const RunRecord*> runs;  // in the record, by round
  std::array<Spread, figure_count> figures;
  Verdict verdict = Verdict::steady;  // the worst
  std::uint32_t unfinished = 0;       // runs that failed, hung or were interrupted
  std::uint32_t unsteady = 0;         // runs that stalled, hung, or differed when read back
  std::uint32_t saturated = 0;        // runs in which the tool itself could not do more

  const Spread& operator[](Figure figure) const {
    return figures[static_cast<std::size_t>(figure)];
  }
  /// What is missing in it can be told of no other: every run came to its end.
  bool complete() const { return unfinished == 0 && !runs.empty(); }
};

/// What the A/A row shows: by how much one and the same differed from itself.
struct MachineNoise {
  std::uint32_t rounds = 0;  // 0: there is no such row
  double largest = 0;        // of copy times in one round, in proportion to the shorter
};

/// The judgement of a comparison, worked out of its record and of nothing else. Points into the
/// record.
struct Judgement {
  std::vector<DestinationSummary>
      rows;                        // of what ran, in the order of the destinations, warm first
  MachineNoise noise;              // of the cache state by which speed is judged
  std::vector<std::string> words;  // sentences, what matters most first
  std::string line;                // all of it in one line
};

std::vector<DestinationSummary> summarize(const CompareRecord& record);
Judgement judge(const CompareRecord& record);

/// From so many rounds on, ranges are believed when they lie apart.
inline constexpr std::uint32_t rounds_to_rank = 3;

}  // namespace holdfast::initiator
