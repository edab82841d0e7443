#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"

namespace holdfast {

/// A program to run to its end. It gets no input, and what it says on stderr is kept.
struct ProcessRequest {
  /// A path, or a name to be looked for in PATH and then in /usr/sbin and /sbin, which the PATH of
  /// plain users leaves out.
  std::string program;
  std::vector<std::string> arguments;  // without the program's own name
  /// Descriptors of ours that it inherits, each under the number that it has there.
  std::vector<std::pair<int, int>> descriptors;
  /// What it says on stdout is kept as well; else it goes nowhere.
  bool keep_output = false;
  /// After this time it is killed.
  Duration deadline = std::chrono::seconds(60);
};

struct ProcessOutcome {
  int exit_code = 0;  // -1 if a signal ended it
  int signal = 0;
  bool timed_out = false;  // we killed it at its deadline
  /// At most what a pipe holds (64 KiB): a program that says more and waits is killed in the end.
  std::string error_output;  // and what it said on stdout, if that was to be kept

  bool succeeded() const { return exit_code == 0; }
  /// "exit code 1: words of its own", in one line.
  std::string describe() const;
};

/// Runs the program while the loop goes on. Fails if it cannot be started; how it ended is a value.
Task<Result<ProcessOutcome>> run_process(Loop& loop, const ProcessRequest& request);
/// The same for a thread that has no loop: it waits.
Result<ProcessOutcome> run_process_and_wait(const ProcessRequest& request);

/// The program's path: `name` itself if it is one that can be run, else what PATH, /usr/sbin and /sbin
/// have.
std::optional<std::string> find_program(const std::string& name);

/// Starts a program beside us that is killed when the calling thread ends, however it ends. Its
/// output and its errors go to `output`; it has no input, and every signal as usual. Returns its pid,
/// for `waitpid`.
Result<pid_t> start_bound_process(const std::string& program, const std::vector<std::string>& arguments,
                                  int output);

}  // namespace holdfast
