#pragma once

#include <string>

#include "initiator/report/compare_record.h"

namespace holdfast::initiator {

/// The whole comparison for people: a line for each destination, at most 100 columns wide, then the
/// judgement in sentences; the last line is its `verdict_line`.
std::string to_text(const CompareRecord& record);
/// The judgement in one line: "STEADY: all held still; fastest: iscsi".
std::string verdict_line(const CompareRecord& record);

}  // namespace holdfast::initiator
