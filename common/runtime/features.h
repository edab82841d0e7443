#pragma once

#include <string>

namespace holdfast {

/// What this kernel's io_uring can do for us, each with a fallback. A test turns one off to try the
/// fallback on a kernel that has it. What we cannot do without is checked in `Loop::create`.
struct Features {
  bool single_issuer = true;     // 6.0: SINGLE_ISSUER with DEFER_TASKRUN; else COOP_TASKRUN
  bool coop_taskrun = true;      // 5.19; else task work interrupts us
  bool ring_fd = true;           // 5.18: a registered ring descriptor; else the plain one
  bool multishot_accept = true;  // 5.19; else one accept at a time
  bool wait_timeout = true;      // 5.11: EXT_ARG; else each timed wait sends a timeout operation

  static Features all() { return {}; }
  /// Every fallback at once: what a 5.10 kernel offers.
  static Features none();

  /// "single_issuer ring_fd ..." of those that are on, for the log.
  std::string describe() const;
};

}  // namespace holdfast
