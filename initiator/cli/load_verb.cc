#include <memory>
#include <utility>

#include "initiator/cli/verbs.h"

namespace holdfast::initiator {

int load_verb(LoadRunOptions options) {
  const RunOptions run = options.run;
  const bool may_stick = options.destination.may_stick();
  const MakeRun make = [&options](Loop& loop, Signals& signals, const RunOptions& run_options) {
    options.run = run_options;
    return std::make_unique<LoadRun>(loop, signals, options);
  };
  return perform_run(make, run, may_stick);
}

}  // namespace holdfast::initiator
