#pragma once

#include <string>
#include <vector>

#include "initiator/report/page_model.h"

// What the pages of a run and of a comparison have in common.
namespace holdfast::initiator {

/// A command line as a shell takes it.
std::string command_of(const std::vector<std::string>& words);
/// "STEADY" as "Steady".
std::string as_word(std::string text);
/// Adds a line to how it was made, unless there is no value.
void add(Page& page, std::string what, std::string value);
void describe_machine(const Machine& machine, Page& page);
/// The limits by which it was judged.
void describe_limits(const RunRecord& record, Page& page);

}  // namespace holdfast::initiator
