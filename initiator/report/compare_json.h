#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "initiator/report/compare_record.h"
#include "initiator/report/record_file.h"

namespace holdfast::initiator {

/// The record "holdfast.compare/1". Each of its `runs` is a whole run record with one key more,
/// `in_comparison`. Every string in it is valid UTF-8.
std::string to_json(const CompareRecord& record);
/// Reads such a record. Keys that are not known are passed over, and what follows from the runs
/// (verdict, exit code, judgement) is worked out anew. A run of a destination that is not listed, or
/// a label given twice, is an error.
Result<CompareRecord> compare_from_json(std::string_view text);

/// Writes the record to `path` by `write_whole`.
Status write_record(const CompareRecord& record, const std::string& path);

}  // namespace holdfast::initiator
