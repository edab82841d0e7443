#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "initiator/cli/run.h"

namespace holdfast::initiator {

// What the command lines of several verbs have in common.

/// Reads a duration option. CLI11 shows the message when the text is none.
std::string read_duration(Duration& into, const std::string& text);
/// Adds `--engine`, whose default HOLDFAST_ENGINE may name.
void add_engine_option(CLI::App& verb, IscsiEngine& engine);
/// Adds the options of every verb that watches a path.
void add_run_options(CLI::App& verb, RunOptions& run);
/// Whether they fit together.
Status check_limits(const RunOptions& run);

}  // namespace holdfast::initiator
