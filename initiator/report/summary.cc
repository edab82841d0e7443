#include <algorithm>

#include "initiator/report/judgement.h"

namespace holdfast::initiator {
namespace {

bool is_unsteady(const RunRecord& run) {
  return run.verdict != Verdict::steady;
}

DestinationSummary summary_of(const CompareRecord& record, const CompareDestination& destination,
                              CacheState cache) {
  DestinationSummary summary;
  summary.destination = &destination;
  summary.cache = cache;
  for (const CompareRun& run : record.runs)
    if (run.label == destination.label && run.cache == cache) summary.runs.push_back(&run.record);
  std::array<std::vector<double>, figure_count> values;
  for (const RunRecord* run : summary.runs) {
    summary.verdict = std::max(summary.verdict, run->verdict);
    if (run->workload.outcome != Outcome::finished) ++summary.unfinished;
    if (is_unsteady(*run)) ++summary.unsteady;
    if (run->generator_saturated()) ++summary.saturated;
    for (std::size_t i = 0; i < figure_count; ++i)
      if (const auto value = figure_of(static_cast<Figure>(i), *run)) values[i].push_back(*value);
  }
  for (std::size_t i = 0; i < figure_count; ++i)
    summary.figures[i] = Spread::of(std::move(values[i]));
  return summary;
}

}  // namespace

std::vector<DestinationSummary> summarize(const CompareRecord& record) {
  std::vector<DestinationSummary> rows;
  for (const CompareDestination& destination : record.destinations)
    for (const CacheState cache : {CacheState::warm, CacheState::cold}) {
      DestinationSummary summary = summary_of(record, destination, cache);
      if (!summary.runs.empty()) rows.push_back(std::move(summary));
    }
  return rows;
}

}  // namespace holdfast::initiator
