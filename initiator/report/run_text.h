#pragma once

#include <string>

#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// The whole report for people, several lines, the verdict last.
std::string to_text(const RunRecord& record);
/// The verdict alone, one line: "STEADY: …".
std::string verdict_line(const RunRecord& record);
/// An event as one line: "stall  write of 256.0 KiB at LBA 8192 for usr/lib/x: 3.02 s …". For an
/// event that is still open it says how long it has lasted so far.
std::string event_line(const PathEvent& event);

}  // namespace holdfast::initiator
