#pragma once

#include <string>

#include "initiator/report/compare_record.h"
#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// The record as one self-contained HTML page: it needs no network and no other file, forbids
/// itself to ask for any, and says everything without JavaScript but draws its charts with it.
std::string to_html(const RunRecord& record);
/// The same with one more section, which is HTML, behind the destination.
std::string to_html(const RunRecord& record, const std::string& section);
std::string to_html(const CompareRecord& record);

}  // namespace holdfast::initiator
