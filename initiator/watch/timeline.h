#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/base/clock.h"
#include "initiator/watch/operation_kind.h"

namespace holdfast::initiator {

/// One second of the run.
struct TimelineRow {
  Duration at{};  // when the second began, from the start of the run
  std::uint64_t operations = 0;
  std::uint64_t errors = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint32_t in_flight = 0;  // at its end
  Duration latency_max{};
  Duration gap_max{};    // the longest gap that ended in it, or was still open at its end
  Duration loop_late{};  // by which our own loop was late, in all
};

/// The run second by second. Rows of seconds in which nothing happened are there too, empty.
class Timeline {
 public:
  static constexpr std::size_t rows_max = 200'000;  // 55 hours; what comes later is only counted

  void completed(OperationKind kind, std::uint64_t bytes, bool failed, Duration latency);
  void gap(Duration length);
  void late(Duration by);

  /// When the row being filled ends, from the start of the run.
  Duration row_end() const { return current_.at + row_length; }
  /// Ends the row being filled and starts the next.
  void end_row(std::uint32_t in_flight);

  /// The finished rows.
  const std::vector<TimelineRow>& rows() const { return rows_; }
  /// The row being filled.
  const TimelineRow& current() const { return current_; }
  std::uint64_t rows_dropped() const { return rows_dropped_; }

 private:
  static constexpr Duration row_length = std::chrono::seconds(1);

  std::vector<TimelineRow> rows_;
  TimelineRow current_;
  std::uint64_t rows_dropped_ = 0;
};

}  // namespace holdfast::initiator
