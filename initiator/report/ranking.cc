#include "initiator/report/ranking.h"

#include <algorithm>

#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

using Doubt = Ranking::Doubt;

const Spread& copy_time(const DestinationSummary& row) {
  return row[Figure::copy_seconds];
}

Doubt doubt_between(const DestinationSummary& fastest, const DestinationSummary& other,
                    double times, const MachineNoise& noise) {
  const Spread& a = copy_time(fastest);
  const Spread& b = copy_time(other);
  if (std::min(a.count, b.count) < rounds_to_rank) return Doubt::few_rounds;
  if (!a.apart_from(b)) return Doubt::spread;
  if (noise.rounds > 0 && times - 1 <= noise.largest) return Doubt::noise;
  return other.saturated > 0 ? Doubt::saturated : Doubt::none;
}

const CompareRun* run_in(const CompareRecord& record, const std::string& label,
                         const CompareRun& twin) {
  for (const CompareRun& run : record.runs)
    if (run.label == label && run.round == twin.round && run.cache == twin.cache) return &run;
  return nullptr;
}

}  // namespace

Ranking rank(const std::vector<DestinationSummary>& rows, CacheState cache,
             const MachineNoise& noise) {
  Ranking ranking;
  for (const DestinationSummary& row : rows) {
    if (row.cache != cache || row.destination->role != CompareDestination::Role::contender)
      continue;
    if (row.complete() && copy_time(row).count > 0)
      ranking.places.push_back({&row});
    else
      ranking.excluded.push_back(&row);
  }
  std::stable_sort(ranking.places.begin(), ranking.places.end(), [](const auto& a, const auto& b) {
    return copy_time(*a.row).median < copy_time(*b.row).median;
  });
  for (std::size_t i = 1; i < ranking.places.size(); ++i) {
    Ranking::Place& place = ranking.places[i];
    const DestinationSummary& fastest = *ranking.places.front().row;
    place.times = copy_time(*place.row).median / copy_time(fastest).median;
    place.doubt = doubt_between(fastest, *place.row, place.times, noise);
  }
  return ranking;
}

MachineNoise noise_of(const CompareRecord& record, CacheState cache) {
  MachineNoise noise;
  for (const CompareRun& run : record.runs) {
    const CompareDestination* twin = record.find(run.label);
    if (twin == nullptr || twin->role != CompareDestination::Role::twin || run.cache != cache)
      continue;
    const CompareRun* first = run_in(record, twin->twin_of, run);
    if (first == nullptr) continue;
    const auto a = figure_of(Figure::copy_seconds, first->record);
    const auto b = figure_of(Figure::copy_seconds, run.record);
    if (!a || !b) continue;
    ++noise.rounds;
    noise.largest = std::max(noise.largest, std::max(*a, *b) / std::min(*a, *b) - 1);
  }
  return noise;
}

}  // namespace holdfast::initiator
