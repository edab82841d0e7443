#include "initiator/report/blame_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "initiator/report/format.h"

namespace holdfast::initiator {

std::map<std::string, std::uint64_t> blames_of(const std::vector<const RunRecord*>& runs) {
  std::map<std::string, std::uint64_t> counts;
  for (const RunRecord* run : runs)
    for (const PathEvent& event : run->events)
      if (event.kind == EventKind::stall || event.kind == EventKind::hang || event.kind == EventKind::outage)
        ++counts[event.blame];
  return counts;
}

std::string blames_text(const std::map<std::string, std::uint64_t>& counts) {
  std::vector<std::pair<std::string, std::uint64_t>> ordered(counts.begin(), counts.end());
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [blame, count] : ordered)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", printable_text(blame), count);
  return text;
}

std::string blames_sentence(const std::vector<std::pair<std::string, std::vector<const RunRecord*>>>& destinations) {
  std::string text;
  for (const auto& [label, runs] : destinations) {
    const std::string blames = blames_text(blames_of(runs));
    if (!blames.empty()) text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", printable_text(label), blames);
  }
  return text.empty() ? "" : fmt::format("What stalled is blamed on: {}.", text);
}

}  // namespace holdfast::initiator
