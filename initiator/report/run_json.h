#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// The run record "holdfast.run/1". Every string in it is valid UTF-8, whatever bytes it came from.
std::string to_json(const RunRecord& record);
/// Reads such a record. Keys that are not known are passed over; times are right to a microsecond.
Result<RunRecord> record_from_json(std::string_view text);

/// Whether a record can be written to `path` later: said before the run, not after it.
Status check_record_path(const std::string& path);
/// Writes the record as a whole or not at all: into a new file beside `path`, which then takes its
/// place. What is no regular file (a pipe, /dev/stdout) is written to directly.
Status write_record(const RunRecord& record, const std::string& path);

}  // namespace holdfast::initiator
