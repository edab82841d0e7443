#pragma once

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "common/runtime/task.h"

namespace holdfast {

/// How another thread is heard by a loop: `notify` may be called from anywhere, `wait` from the
/// loop. Notifications that come before the wait are kept, as one.
class Wakeup {
 public:
  static Result<Wakeup> open();

  /// Thread-safe; one system call.
  void notify() const;
  /// Waits for at least one notification since the last wait, and takes them all.
  Task<void> wait();

 private:
  explicit Wakeup(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace holdfast
