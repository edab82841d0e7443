#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "initiator/fault/step.h"

// A fault script: one step a line, WHEN ACTION [what it takes], `#` begins a comment. `fault_grammar` says
// it all, for --help.

namespace holdfast::initiator {

/// Reads one step. The error names the word, counted from 1, and what could stand there.
Result<FaultStep> parse_fault_step(std::string_view text);

/// Reads a whole script. The error begins with `name` and the line: "SCRIPT:3: word 4: …".
Result<std::vector<FaultStep>> parse_fault_script(std::string_view text, std::string_view name);

/// Whether such a step can be done to datagrams, or to connections; why not, if not.
Status fits_transport(const FaultStep& step, bool datagrams);

extern const char* const fault_grammar;

}  // namespace holdfast::initiator
