#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "initiator/report/record_file.h"
#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// The run record "holdfast.run/1". Every string in it is valid UTF-8, whatever bytes it came from.
std::string to_json(const RunRecord& record);
/// Reads such a record. Keys that are not known are passed over; times are right to a microsecond.
Result<RunRecord> record_from_json(std::string_view text);

/// Writes the record to `path` by `write_whole`.
Status write_record(const RunRecord& record, const std::string& path);

}  // namespace holdfast::initiator
