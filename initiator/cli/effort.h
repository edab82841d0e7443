#pragma once

#include "common/base/clock.h"

namespace holdfast::initiator {

/// Processor time that was spent so far, in user space and in the kernel.
struct Effort {
  Duration process{};
  Duration thread{};  // the calling one

  static Effort now();
};

}  // namespace holdfast::initiator
