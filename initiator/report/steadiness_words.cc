#include <algorithm>
#include <fmt/format.h>

#include "initiator/report/format.h"
#include "initiator/report/judgement_words.h"

namespace holdfast::initiator {
namespace {

Duration longest(const RunRecord& run, EventKind kind) {
  Duration most{};
  for (const PathEvent& event : run.events)
    if (event.kind == kind) most = std::max(most, event.lasted);
  return most;
}

/// One way in which runs go wrong: what it is called, whether it happened in a run, what more is
/// told.
struct Trouble {
  const char* did;
  bool (*in)(const RunRecord& run);
  std::string (*more)(const RunRecord& run);
};

std::string reason_of(const RunRecord& run) {
  return printable_text(run.workload.reason);
}

std::string differences(const RunRecord& run) {
  return count_text(run.workload.mismatches, "difference", "differences");
}

std::string longest_hang(const RunRecord& run) {
  const Duration hang = longest(run, EventKind::hang);
  return hang > Duration(0) ? "no answer for " + duration_text(hang) : reason_of(run);
}

std::string longest_stall(const RunRecord& run) {
  return "the longest stall " + duration_text(longest(run, EventKind::stall));
}

std::string longest_reconnect(const RunRecord& run) {
  return "the longest time without a connection " + duration_text(longest(run, EventKind::reconnect));
}

bool is_hung(const RunRecord& run) {
  return run.count(EventKind::hang) > 0 || run.workload.outcome == Outcome::hung;
}

constexpr Trouble troubles[] = {
    {"gave back other data", [](const RunRecord& run) { return run.verdict == Verdict::corrupt; },
     differences},
    {"hung", is_hung, longest_hang},
    {"lost its connection",
     [](const RunRecord& run) { return run.count(EventKind::outage) > 0 && !is_hung(run); },
     reason_of},
    {"failed",
     [](const RunRecord& run) {
       return run.workload.outcome == Outcome::failed && run.count(EventKind::outage) == 0;
     },
     reason_of},
    {"stalled", [](const RunRecord& run) { return run.count(EventKind::stall) > 0; },
     longest_stall},
    {"had to connect again", [](const RunRecord& run) { return run.count(EventKind::reconnect) > 0; },
     longest_reconnect},
};

/// Of the worst of the runs in which it happened.
std::string details(const Trouble& trouble, const std::vector<const RunRecord*>& runs) {
  const RunRecord* worst = nullptr;
  for (const RunRecord* run : runs)
    if (trouble.in(*run) && (worst == nullptr || run->totals.worst_gap > worst->totals.worst_gap))
      worst = run;
  const std::string more = trouble.more(*worst);
  return more.empty() ? "" : " (" + more + ")";
}

std::string what_happened(const DestinationSummary& row) {
  std::string text;
  for (const Trouble& trouble : troubles) {
    const auto times = std::count_if(row.runs.begin(), row.runs.end(),
                                     [&](const RunRecord* run) { return trouble.in(*run); });
    if (times == 0) continue;
    text += fmt::format("{}{} in {} of {}{}", text.empty() ? "" : "; ", trouble.did, times,
                        count_text(row.runs.size(), "run", "runs"), details(trouble, row.runs));
  }
  return text;
}

bool worse(const DestinationSummary* a, const DestinationSummary* b) {
  if (a->verdict != b->verdict) return a->verdict > b->verdict;
  if (a->unfinished != b->unfinished) return a->unfinished > b->unfinished;
  return (*a)[Figure::worst_gap].max > (*b)[Figure::worst_gap].max;
}

}  // namespace

Words steadiness_words(const Rows& rows) {
  std::vector<const DestinationSummary*> shaken;
  Words held;
  double gap = 0;
  std::string where;
  for (const DestinationSummary& row : rows) {
    if (!what_happened(row).empty()) {
      shaken.push_back(&row);
      continue;
    }
    const std::string name = row_name(row, rows);
    held.push_back(row.complete() ? name : name + " as far as it came");
    if (row[Figure::worst_gap].max < gap) continue;
    gap = row[Figure::worst_gap].max;
    where = name;
  }
  std::stable_sort(shaken.begin(), shaken.end(), worse);
  Words words;
  for (const DestinationSummary* row : shaken) {
    words.push_back(
        fmt::format("{} did not hold still: {}.", row_name(*row, rows), what_happened(*row)));
    if (row->destination->role == CompareDestination::Role::local_limit)
      words.back() +=
          " That is this machine itself, without a server: what the others show may be its doing.";
  }
  if (!held.empty())
    words.push_back(fmt::format("Held still: {}; the longest gap in any of them was {} ({}).",
                                list_text(held), figure_text(Figure::worst_gap, gap), where));
  return words;
}

}  // namespace holdfast::initiator
