#pragma once

#include <string>

#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// The whole report for people, several lines, the verdict last.
std::string to_text(const RunRecord& record);
/// The verdict alone, one line: "STEADY: …".
std::string verdict_line(const RunRecord& record);
/// An operation in words: "write of 256.0 KiB at LBA 8192 for usr/lib/x".
std::string operation_text(const InFlightOperation& operation);
/// How much an event of that kind says about the path.
int weight_of(EventKind kind);
/// By that, and of the same kind by how long it lasted.
bool weighs_more(const PathEvent& a, const PathEvent& b);
/// Whom it is blamed on and why, in one line; empty where nobody asked.
std::string reason_text(const PathEvent& event);
/// An event as one line: "stall  write of 256.0 KiB at LBA 8192 for usr/lib/x: 3.02 s …". For an
/// event that is still open it says how long it has lasted so far.
std::string event_line(const PathEvent& event);

}  // namespace holdfast::initiator
