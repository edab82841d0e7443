#pragma once

#include <CLI/CLI.hpp>

#include "initiator/cli/verbs.h"

namespace holdfast::initiator {

/// The command line of `holdfast fault`, into `options`.
CLI::App* add_fault(CLI::App& app, FaultOptions& options);

}  // namespace holdfast::initiator
