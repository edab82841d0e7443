#include "initiator/watch/timeline.h"

#include <algorithm>

namespace holdfast::initiator {

void Timeline::completed(OperationKind kind, std::uint64_t bytes, bool failed, Duration latency) {
  ++current_.operations;
  current_.latency_max = std::max(current_.latency_max, latency);
  if (failed) {
    ++current_.errors;
    return;
  }
  if (kind == OperationKind::read) current_.bytes_read += bytes;
  if (kind == OperationKind::write) current_.bytes_written += bytes;
}

void Timeline::gap(Duration length) { current_.gap_max = std::max(current_.gap_max, length); }

void Timeline::late(Duration by) { current_.loop_late += by; }

void Timeline::end_row(std::uint32_t in_flight) {
  current_.in_flight = in_flight;
  if (rows_.size() < rows_max)
    rows_.push_back(current_);
  else
    ++rows_dropped_;
  const Duration next = row_end();
  current_ = TimelineRow{};
  current_.at = next;
}

}  // namespace holdfast::initiator
