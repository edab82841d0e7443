#include "initiator/watch/timeline.h"

#include <algorithm>
#include <utility>

namespace holdfast::initiator {
namespace {

LatencyColumn column_of(const LatencySketch& sketch) {
  return {sketch.count(), sketch.percentile(50), sketch.percentile(99), sketch.max()};
}

}  // namespace

void Timeline::completed(OperationKind kind, std::uint64_t bytes, bool failed, Duration latency) {
  ++current_.operations;
  current_sketches_.all.record(latency);
  if (kind == OperationKind::lock) current_sketches_.locks.record(latency);
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
  finish_row(in_flight, row_length_);
  if (rows_.size() == rows_max) merge_neighbours();
}

void Timeline::end_run(std::uint32_t in_flight, Duration at) {
  finish_row(in_flight, std::clamp(at - current_.at, Duration(0), row_length_));
}

void Timeline::finish_row(std::uint32_t in_flight, Duration length) {
  current_.in_flight = in_flight;
  current_.length = length;
  summarise(current_sketches_, current_);
  rows_.push_back(current_);
  sketches_.push_back(std::exchange(current_sketches_, {}));
  current_ = TimelineRow{};
  current_.at = rows_.back().at + length;
}

void Timeline::summarise(const Sketches& from, TimelineRow& row) {
  row.latency_p50 = from.all.percentile(50);
  row.latency_p99 = from.all.percentile(99);
  row.latency_max = from.all.max();
  row.readers = column_of(from.readers);
  row.locks = column_of(from.locks);
}

void Timeline::merge_neighbours() {
  static_assert(rows_max % 2 == 0);
  for (std::size_t i = 0; i < rows_max / 2; ++i) {
    TimelineRow row = rows_[2 * i];
    const TimelineRow& next = rows_[2 * i + 1];
    row.length += next.length;
    row.operations += next.operations;
    row.errors += next.errors;
    row.bytes_read += next.bytes_read;
    row.bytes_written += next.bytes_written;
    row.in_flight = next.in_flight;
    row.gap_max = std::max(row.gap_max, next.gap_max);
    row.loop_late += next.loop_late;
    Sketches sketches = std::move(sketches_[2 * i]);
    sketches.all.merge(sketches_[2 * i + 1].all);
    sketches.readers.merge(sketches_[2 * i + 1].readers);
    sketches.locks.merge(sketches_[2 * i + 1].locks);
    summarise(sketches, row);
    rows_[i] = row;
    sketches_[i] = std::move(sketches);
  }
  rows_.resize(rows_max / 2);
  sketches_.resize(rows_max / 2);
  row_length_ *= 2;
}

}  // namespace holdfast::initiator
