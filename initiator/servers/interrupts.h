#pragma once

#include <signal.h>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/fd.h"

namespace holdfast::initiator {

/// The signals that ask a process without a loop to end, held back until it looks for them: SIGINT,
/// SIGTERM, SIGHUP and SIGQUIT.
class Interrupts {
 public:
  static Result<Interrupts> open();
  Interrupts(Interrupts&&) = default;
  Interrupts& operator=(Interrupts&&) = delete;
  ~Interrupts();

  /// The first signal that came, or 0.
  int signal();
  /// It came to us by another way.
  void note(int signal);
  /// Waits for `time`, or until a signal has come. Returns whether none has.
  bool sleep(Duration time);
  /// For a forked child: signals reach it as they reached us before.
  void restore() const;

 private:
  Interrupts(Fd fd, sigset_t before) : fd_(std::move(fd)), before_(before) {}

  Fd fd_;  // empty when it was moved from
  sigset_t before_;
  int signal_ = 0;
};

}  // namespace holdfast::initiator
