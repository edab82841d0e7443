#include <memory>
#include <utility>

#include "initiator/cli/verbs.h"

namespace holdfast::initiator {

int copy_verb(CopyRunOptions options) {
  const RunOptions run = options.run;
  const bool may_stick = options.destination.may_stick();
  const MakeRun make = [&options](Loop& loop, Signals& signals, const RunOptions& run_options) {
    options.run = run_options;
    return std::make_unique<CopyRun>(loop, signals, options);
  };
  return perform_run(make, run, may_stick);
}

}  // namespace holdfast::initiator
