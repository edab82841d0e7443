#pragma once

#include <cstdint>
#include <vector>

#include "common/base/clock.h"
#include "initiator/watch/latency_sketch.h"
#include "initiator/watch/operation_kind.h"

namespace holdfast::initiator {

/// How long the operations of one sort took that ended in a row. Percentiles are right to one part
/// in eight, the greatest is exact.
struct LatencyColumn {
  std::uint64_t operations = 0;
  Duration p50{}, p99{}, max{};
};

/// A short stretch of the run.
struct TimelineRow {
  Duration at{};      // when it began, from the start of the run
  Duration length{};  // the same for all rows but the last, which the run's end may cut short
  std::uint64_t operations = 0;  // that ended in it, with or without an error
  std::uint64_t errors = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint32_t in_flight = 0;  // at its end
  Duration latency_p50{}, latency_p99{}, latency_max{};
  Duration gap_max{};     // the longest gap that ended in it, or was still open at its end
  Duration loop_late{};   // by which our own loop was late, in all
  LatencyColumn readers;  // what readers of finished files read while the workload ran
  LatencyColumn locks;    // what waited for a lock
};

/// The run in rows of equal length, gapless from its start. Rows begin short, so that a run of
/// seconds makes a curve; whenever there are `rows_max` of them, neighbours merge and rows become
/// twice as long, so that a run of days stays bounded.
class Timeline {
 public:
  static constexpr std::size_t rows_max = 2048;
  static constexpr Duration shortest_row = std::chrono::milliseconds(20);

  void completed(OperationKind kind, std::uint64_t bytes, bool failed, Duration latency);
  /// Something that was told by `completed` as well was asked for by a reader.
  void completed_for_reader(Duration latency) { current_sketches_.readers.record(latency); }
  void gap(Duration length);
  void late(Duration by);

  Duration row_length() const { return row_length_; }
  /// When the row being filled ends, from the start of the run.
  Duration row_end() const { return current_.at + row_length_; }
  /// Ends the row being filled and starts the next.
  void end_row(std::uint32_t in_flight);
  /// The run ends at `at`, which is not after `row_end`: so does the row being filled.
  void end_run(std::uint32_t in_flight, Duration at);

  /// The finished rows.
  const std::vector<TimelineRow>& rows() const { return rows_; }

 private:
  /// What a row's percentiles come from.
  struct Sketches {
    LatencySketch all, readers, locks;
  };

  void finish_row(std::uint32_t in_flight, Duration length);
  void merge_neighbours();
  static void summarise(const Sketches& from, TimelineRow& row);

  Duration row_length_ = shortest_row;
  std::vector<TimelineRow> rows_;
  std::vector<Sketches> sketches_;  // of `rows_`
  TimelineRow current_;
  Sketches current_sketches_;
};

}  // namespace holdfast::initiator
