#pragma once

#include "target/config/config.h"
#include "target/config/diagnostics.h"
#include "target/portal/target_table.h"

namespace holdfast::target {

/// Opens every store that the configuration names and makes the targets of it. What cannot be
/// served is said, line by line, and then nothing is served: a diagnostic of severity error means
/// that. With `only_look` everything is opened read-only and unclaimed, to see whether it could be
/// served. The table has its state folder already.
void open_targets(const Config& config, bool only_look, TargetTable& targets, Diagnostics& diagnostics);

}  // namespace holdfast::target
