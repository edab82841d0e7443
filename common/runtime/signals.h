#pragma once

#include <initializer_list>

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "common/runtime/task.h"

namespace holdfast {

/// Signals as events of the loop: blocked for the process, read from a descriptor. Opened before
/// any thread is started, so that every thread inherits the block.
class Signals {
 public:
  static Result<Signals> open(std::initializer_list<int> numbers);

  /// Waits for the next one and returns its number; 0 after `stop`.
  Task<int> next();
  /// Ends the wait of `next`, so that its scope can be joined.
  void stop();

 private:
  explicit Signals(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  IoAwaiter* waiting_ = nullptr;
  bool stopped_ = false;
};

}  // namespace holdfast
