#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "initiator/cli/run.h"
#include "initiator/workload/load_plan.h"

namespace holdfast::initiator {

/// The command line of `holdfast load`.
struct LoadWords {
  std::string destination;
  LoadOptions load;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint32_t> mix;
  RunOptions run;
};

CLI::App* add_load(CLI::App& app, LoadWords& words);
/// The verb, once its line is read: the exit code.
int run_load(const LoadWords& words);

}  // namespace holdfast::initiator
