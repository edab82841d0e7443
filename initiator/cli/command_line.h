#pragma once

namespace holdfast::initiator {

/// `holdfast` itself: reads the command line and runs the verb. Returns the exit code.
int run_command_line(int count, char** words);

}  // namespace holdfast::initiator
