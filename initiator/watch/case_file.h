#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "initiator/watch/blame.h"
#include "initiator/watch/evidence_sample.h"
#include "initiator/watch/path_event.h"

namespace holdfast::initiator {

/// The frame of one stall.
struct StallFrame {
  Instant began{};                // the last success, or since when the oldest has waited alone
  std::optional<Instant> ended{};  // when something succeeded again
  Duration stalled{};             // less our own lateness
  /// The stall is looked at as it stood then; none: as it stands.
  std::optional<Instant> until{};
};

/// Draws what matters of a stall from the samples around it, in the order of time.
CaseFile case_of(std::span<const EvidenceSample> samples, const StallFrame& frame, const std::string& transport,
                 const HostCounters* counters);

/// At most `rows_max` of the samples from a little before the stall on, for the record: of the connection
/// that owes the oldest answer.
std::vector<PathSample> rows_of(std::span<const EvidenceSample> samples, const StallFrame& frame, Instant run_began,
                                std::size_t rows_max);

}  // namespace holdfast::initiator
