#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "initiator/report/compare_record.h"

namespace holdfast::initiator {

/// A clean run of 100 MiB in 1000 files that took `copy` seconds, with `gap` seconds without an
/// answer.
inline RunRecord copied_in(double copy, double gap = 0.01) {
  const auto duration = [](double seconds) {
    return Duration(static_cast<std::int64_t>(seconds * 1e9));
  };
  RunRecord record;
  record.workload.kind = "copy";
  record.workload.source = "/usr/include";
  record.workload.stall_limit = std::chrono::seconds(1);
  record.workload.hang_limit = std::chrono::seconds(10);
  record.destination.transport = "iscsi";
  record.totals.files = 1000;
  record.totals.bytes = 100 << 20;
  record.totals.copy_time = duration(copy);
  record.totals.time = duration(copy + 0.1);
  record.totals.worst_gap = duration(gap);
  record.latency.count = 100;
  record.latency.min = std::chrono::microseconds(10);
  record.latency.p50 = std::chrono::microseconds(200);
  record.latency.p90 = std::chrono::microseconds(400);
  record.latency.p99 = std::chrono::milliseconds(2);
  record.latency.p99_9 = std::chrono::milliseconds(3);
  record.latency.max = duration(gap);
  return record;
}

/// Makes a run of it in which one answer took so long, past the stall limit.
inline RunRecord stalled_for(RunRecord record, double seconds) {
  record.verdict = Verdict::stalled;
  record.totals.worst_gap = Duration(static_cast<std::int64_t>(seconds * 1e9));
  record.totals.events[static_cast<std::size_t>(EventKind::stall)] = 1;
  PathEvent stall;
  stall.kind = EventKind::stall;
  stall.lasted = record.totals.worst_gap;
  record.events.push_back(std::move(stall));
  return record;
}

/// A comparison that grows line by line.
class Comparison {
 public:
  Comparison() { record_.source = "/usr/include"; }
  Comparison& destination(const std::string& label, const std::string& transport = "iscsi") {
    CompareDestination one;
    one.label = label;
    one.url = transport + "://127.0.0.1/" + label;
    one.transport = transport;
    record_.destinations.push_back(std::move(one));
    return *this;
  }
  /// Runs of the destination that came last, one a round.
  template <typename... Seconds>
  Comparison& took(Seconds... seconds) {
    std::uint32_t round = 0;
    (add(copied_in(seconds), ++round), ...);
    return *this;
  }
  Comparison& run(RunRecord record) {
    std::uint32_t round = 1;
    for (const CompareRun& earlier : record_.runs)
      if (earlier.label == last().label) round = earlier.round + 1;
    add(std::move(record), round);
    return *this;
  }
  Comparison& twin_of(const std::string& label) {
    last().role = CompareDestination::Role::twin;
    last().twin_of = label;
    return *this;
  }
  Comparison& local_limit() {
    last().role = CompareDestination::Role::local_limit;
    return *this;
  }
  CompareDestination& last() { return record_.destinations.back(); }
  CompareRecord& record() { return record_; }

 private:
  void add(RunRecord run, std::uint32_t round) {
    run.destination.url = last().url;
    run.destination.transport = last().transport;
    record_.rounds = std::max(record_.rounds, round);
    record_.runs.push_back({last().label, round, CacheState::warm, std::move(run)});
  }

  CompareRecord record_;
};

}  // namespace holdfast::initiator
