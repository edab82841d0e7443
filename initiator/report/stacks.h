#pragma once

#include <string>
#include <vector>

#include "initiator/report/run_record.h"
#include "initiator/verdict/stack_verdict.h"

namespace holdfast::initiator {

// What would stand on a path, judged by the record of a run.

/// What the run showed of its path.
PathHistory history_of(const RunRecord& record);
/// The verdicts on what can stand on that path; each timer's worst where there are several runs.
std::vector<StackVerdict> stacks_of(const std::vector<const RunRecord*>& runs);

/// "acts at 95.0 s", "thin, unproven": the outcome in a few words.
std::string outcome_words(const StackVerdict& verdict);
/// "19.9", ">1000", or "-" where there is none.
std::string margin_words(const StackVerdict& verdict);
/// What it does then, with the condition under which it does.
std::string action_words(const StackVerdict& verdict);

/// The ladder of timers as the lines of a report, each ended. Empty where nothing can stand there.
std::string stacks_text(const RunRecord& record);
/// One sentence on all destinations of a comparison: what would have acted on which, or what came nearest.
std::string stacks_sentence(const std::vector<std::pair<std::string, std::vector<const RunRecord*>>>& destinations);

}  // namespace holdfast::initiator
