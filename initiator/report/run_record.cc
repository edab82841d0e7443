#include "initiator/report/run_record.h"

#include <algorithm>
#include <string>
#include <utility>

#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t remarks_max = 1000;
constexpr double saturated_share = 0.9;

double share(Duration part, Duration whole) {
  return whole.count() > 0 ? static_cast<double>(part.count()) / static_cast<double>(whole.count()) : 0;
}

}  // namespace

double LoadFigures::rate() const {
  return time.count() > 0 ? static_cast<double>(operations()) / seconds_of(time) : 0;
}

double LoadFigures::share() const { return initiator::share(loop_time, time); }

bool LoadFigures::saturated() const { return share() >= saturated_share; }

void RunRecord::Destination::note(std::map<std::string, std::string> facts) {
  negotiated = std::move(facts);
  const std::optional<SessionIdentity> session = SessionIdentity::of(negotiated);
  if (!session || std::find(sessions.begin(), sessions.end(), *session) != sessions.end()) return;
  if (sessions.size() < sessions_max)
    sessions.push_back(*session);
  else
    ++sessions_left_out;
}

void RunRecord::take(const Watch& watch) {
  latency = LatencySummary::of(watch.latency_of_all());
  for (std::size_t kind = 0; kind < operation_kinds; ++kind)
    latency_by_operation[kind] = LatencySummary::of(watch.latency(static_cast<OperationKind>(kind)));
  timeline = watch.timeline().rows();
  std::vector<PathEvent> seen_events = watch.events();
  for (const PathEvent& event : events)  // Mismatches are ours to add, and not the watch's.
    if (event.kind == EventKind::mismatch) seen_events.push_back(event);
  events = std::move(seen_events);
  for (std::size_t kind = 0; kind < event_kinds; ++kind)
    totals.events[kind] = watch.event_count(static_cast<EventKind>(kind));
  totals.events[static_cast<std::size_t>(EventKind::mismatch)] = workload.mismatches;
  for (const PathEvent& event : events)
    if (event.open) ++totals.events[static_cast<std::size_t>(event.kind)];
  totals.events_dropped = watch.events_dropped();
  totals.operations = latency.count;
  totals.errors = watch.errors();
  totals.worst_gap = watch.worst_gap();
  totals.worst_lateness = watch.worst_lateness();
  workload.clock_started = watch.start_of_run();
  workload.stall_limit = watch.options().stall;
  workload.hang_limit = watch.options().hang;
  std::stable_sort(events.begin(), events.end(), [](const PathEvent& a, const PathEvent& b) { return a.at < b.at; });

  Verdict seen = Verdict::steady;
  if (count(EventKind::stall) > 0 || count(EventKind::reconnect) > 0) seen = Verdict::stalled;
  if (count(EventKind::hang) > 0 || count(EventKind::outage) > 0) seen = Verdict::hung;
  verdict = std::max(verdict, seen);
}

void RunRecord::add_mismatch(FileRemark remark, Duration at) {
  PathEvent event;
  event.at = at;
  event.operation.file = remark.path;
  event.evidence = remark.what;
  add_mismatch(std::move(event), std::move(remark));
}

void RunRecord::add_mismatch(PathEvent event) {
  FileRemark remark{"LBA " + std::to_string(event.operation.lba), event.evidence};
  add_mismatch(std::move(event), std::move(remark));
}

void RunRecord::add_mismatch(PathEvent event, FileRemark remark) {
  verdict = Verdict::corrupt;
  ++workload.mismatches;
  ++totals.events[static_cast<std::size_t>(EventKind::mismatch)];
  if (workload.mismatch_list.size() == remarks_max) return;
  event.kind = EventKind::mismatch;
  events.push_back(std::move(event));
  workload.mismatch_list.push_back(std::move(remark));
}

double RunRecord::generator_share() const { return share(generator.time, totals.time); }

bool RunRecord::generator_saturated() const {
  if (load) return load->saturated();
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
