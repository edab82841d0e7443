#pragma once

#include "common/base/result.h"
#include "common/runtime/fd.h"

namespace holdfast::target {

/// How the program becomes a daemon without saying "started" before it is true: the process that
/// was called waits until its child serves, and ends with 0 then, or with the child's own exit code
/// if that could not start. Until then the child keeps the terminal for what it has to say.
class Background {
 public:
  /// Returns in the child, in a session of its own. No thread may be running.
  static Result<Background> enter();

  /// The child serves: lets the parent go, and the terminal.
  void serving();

 private:
  explicit Background(Fd to_parent) : to_parent_(std::move(to_parent)) {}
  Fd to_parent_;
};

}  // namespace holdfast::target
