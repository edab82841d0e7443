#pragma once

#include <span>
#include <string>

#include "initiator/watch/blame.h"
#include "initiator/watch/case_file.h"

namespace holdfast::initiator {

/// Judges a whole stall. The last look before it is over may come when the path has healed and the answer is
/// still on its way, so the stall is judged as it stood at each look, and what held for most of it is its
/// blame; the words are those of the last look at which it did.
BlameJudgement judge_stall(std::span<const EvidenceSample> samples, const StallFrame& frame, const std::string& transport,
                           const std::string& stuck_in, const HostCounters* counters);

}  // namespace holdfast::initiator
