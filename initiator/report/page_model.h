#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "initiator/report/compare_record.h"
#include "initiator/report/judgement.h"
#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// What the page tells, whichever record it comes from. It points into the record and its
/// judgement.
struct Page {
  struct Run {
    const RunRecord* record = nullptr;
    std::string label;  // "round 2"; empty where there is only one
  };

  struct Destination {
    std::string label;  // its name on this page, as no other's
    std::string url;
    std::string transport;
    std::string server;   // "nbdkit 1.32.5"; empty where nobody knows
    std::string role;     // in words, where it is not simply one of those compared
    std::string absence;  // why there are no runs of it
    std::vector<Run> runs;
    const DestinationSummary* summary = nullptr;  // of a comparison's runs
    std::size_t shown = 0;                        // the run whose charts are shown first

    /// Whether its operations are calls on files, and not on blocks.
    bool on_files() const { return transport == "nfs" || transport == "dir"; }
  };

  std::string title;
  std::string what;  // what was done, over the headline
  std::string headline;
  std::string mark;  // a word above the headline, where that does not say the verdict itself
  std::string tone;  // "steady", "stalled", "hung", "corrupt" or "neutral"
  std::vector<std::string> words;    // below the headline, a paragraph each
  std::vector<std::string> caveats;  // what to know when figures are compared
  bool comparison = false;
  std::vector<Destination> destinations;
  std::string command;                                      // as a shell takes it
  std::vector<std::pair<std::string, std::string>> making;  // how it was made: what, and its value
};

/// The page of one run.
Page page_of(const RunRecord& record);
/// The page of a comparison.
Page page_of(const CompareRecord& record, const Judgement& judgement);

/// A word as a shell takes it for one word.
std::string shell_word(const std::string& word);

}  // namespace holdfast::initiator
