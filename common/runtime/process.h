#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"

namespace holdfast {

/// A program to run to its end. It gets no input, its output goes nowhere, and what it says on
/// stderr is kept.
struct ProcessRequest {
  /// A path, or a name to be looked for in PATH and then in /usr/sbin and /sbin, which the PATH of
  /// plain users leaves out.
  std::string program;
  std::vector<std::string> arguments;  // without the program's own name
  /// Descriptors of ours that it inherits, each under the number that it has there.
  std::vector<std::pair<int, int>> descriptors;
  /// After this time it is killed.
  Duration deadline = std::chrono::seconds(60);
};

struct ProcessOutcome {
  int exit_code = 0;  // -1 if a signal ended it
  int signal = 0;
  bool timed_out = false;  // we killed it at its deadline
  /// At most what a pipe holds (64 KiB): a program that says more and waits is killed in the end.
  std::string error_output;

  bool succeeded() const { return exit_code == 0; }
  /// "exit code 1: words of its own", in one line.
  std::string describe() const;
};

/// Runs the program while the loop goes on. Fails if it cannot be started; how it ended is a value.
Task<Result<ProcessOutcome>> run_process(Loop& loop, const ProcessRequest& request);

}  // namespace holdfast
