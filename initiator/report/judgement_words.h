#pragma once

#include <string>
#include <vector>

#include "initiator/report/judgement.h"
#include "initiator/report/ranking.h"

// The parts of a judgement in words, each as sentences of its own.
namespace holdfast::initiator {

using Words = std::vector<std::string>;
using Rows = std::vector<DestinationSummary>;

/// "a", "a and b", "a, b and c".
std::string list_text(const Words& words);
/// The label, with the cache state where the record has runs of both.
std::string row_name(const DestinationSummary& row, const Rows& rows);

/// Which held still and which did not, worst first.
Words steadiness_words(const Rows& rows);
/// Who was fastest, or why that is not said.
Words speed_words(const Ranking& ranking, const Rows& rows);
/// The same in half a sentence; empty where there is nothing to compare.
std::string speed_phrase(const Ranking& ranking, const Rows& rows);

/// What the A/A row, saturation, the nature of the transports and what they cannot keep have to say
/// of the figures.
Words caveats(const CompareRecord& record, const Rows& rows, const MachineNoise& noise);
/// Why destinations did not run.
Words missing_words(const CompareRecord& record);

}  // namespace holdfast::initiator
