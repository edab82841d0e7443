#pragma once

#include <string>
#include <vector>

#include "initiator/report/run_record.h"

namespace holdfast::initiator {

// The parts of a run's text that are a load's own. `record.load` is there.

/// What was asked for and done, in lines.
std::string load_lines(const RunRecord& record);
/// "1,234,567 operations, 4.7 GiB in 30.0 s (41,152 IOPS)".
std::string load_done(const RunRecord& record);
/// How long operations took while the load ran, one row for each direction.
struct LatencyRow {
  const char* name;
  const LatencySummary* latency;
};
std::vector<LatencyRow> load_latencies(const LoadFigures& load);

}  // namespace holdfast::initiator
