#include "initiator/report/run_record.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace holdfast::initiator {
namespace {

constexpr std::size_t remarks_max = 1000;
constexpr double saturated_share = 0.9;

double share(Duration part, Duration whole) {
  return whole.count() > 0 ? static_cast<double>(part.count()) / static_cast<double>(whole.count()) : 0;
}

std::vector<PercentilePoint> distribution(const Histogram& histogram) {
  std::vector<PercentilePoint> points;
  if (histogram.count() == 0) return points;
  constexpr int points_per_nine = 10;
  points.push_back({0, histogram.min()});
  for (int i = 1;; ++i) {
    const double above = std::pow(10, -static_cast<double>(i) / points_per_nine);
    if (above * static_cast<double>(histogram.count()) < 1) break;
    points.push_back({100 * (1 - above), histogram.percentile(100 * (1 - above))});
  }
  points.push_back({100, histogram.max()});
  return points;
}

}  // namespace

LatencySummary LatencySummary::of(const Histogram& histogram) {
  return {histogram.count(),        histogram.min(),
          histogram.percentile(50), histogram.percentile(90),
          histogram.percentile(99), histogram.percentile(99.9),
          histogram.max(),          distribution(histogram)};
}

void RunRecord::take(const Watch& watch) {
  latency = LatencySummary::of(watch.latency_of_all());
  for (std::size_t kind = 0; kind < operation_kinds; ++kind)
    latency_by_operation[kind] = LatencySummary::of(watch.latency(static_cast<OperationKind>(kind)));
  timeline = watch.timeline().rows();
  events = watch.events();
  for (std::size_t kind = 0; kind < event_kinds; ++kind)
    totals.events[kind] = watch.event_count(static_cast<EventKind>(kind));
  for (const PathEvent& event : events)
    if (event.open) ++totals.events[static_cast<std::size_t>(event.kind)];
  totals.events_dropped = watch.events_dropped();
  totals.operations = latency.count;
  totals.errors = watch.errors();
  totals.worst_gap = watch.worst_gap();
  totals.worst_lateness = watch.worst_lateness();
  workload.stall_limit = watch.options().stall;
  workload.hang_limit = watch.options().hang;
  std::stable_sort(events.begin(), events.end(), [](const PathEvent& a, const PathEvent& b) { return a.at < b.at; });

  Verdict seen = Verdict::steady;
  if (count(EventKind::stall) > 0) seen = Verdict::stalled;
  if (count(EventKind::hang) > 0 || count(EventKind::outage) > 0) seen = Verdict::hung;
  verdict = std::max(verdict, seen);
}

void RunRecord::add_mismatch(FileRemark remark, Duration at) {
  verdict = Verdict::corrupt;
  ++workload.mismatches;
  ++totals.events[static_cast<std::size_t>(EventKind::mismatch)];
  if (workload.mismatch_list.size() == remarks_max) return;
  PathEvent event;
  event.kind = EventKind::mismatch;
  event.at = at;
  event.operation.file = remark.path;
  event.evidence = remark.what;
  events.push_back(std::move(event));
  workload.mismatch_list.push_back(std::move(remark));
}

double RunRecord::generator_share() const { return share(generator.time, totals.time); }

bool RunRecord::generator_saturated() const {
  return share(generator.loop_time, totals.time) >= saturated_share;
}

int RunRecord::exit_code() const {
  if (verdict == Verdict::corrupt) return 5;
  if (workload.outcome == Outcome::interrupted) return 128 + workload.signal;
  if (verdict == Verdict::hung || workload.outcome == Outcome::hung) return 4;
  const bool clean = verdict == Verdict::steady && workload.outcome == Outcome::finished && workload.problems == 0;
  return clean ? 0 : 1;
}

}  // namespace holdfast::initiator
