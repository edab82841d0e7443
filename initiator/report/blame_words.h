#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "initiator/report/run_record.h"

namespace holdfast::initiator {

// What the stalls, hangs and outages of runs were blamed on, in a few words.

/// How many of them each blame has.
std::map<std::string, std::uint64_t> blames_of(const std::vector<const RunRecord*>& runs);
/// "backend 2, network 1", the most frequent first; empty where there was none.
std::string blames_text(const std::map<std::string, std::uint64_t>& counts);
/// One sentence on all destinations of a comparison; empty where nothing stalled.
std::string blames_sentence(const std::vector<std::pair<std::string, std::vector<const RunRecord*>>>& destinations);

}  // namespace holdfast::initiator
