#pragma once

#include <cstdint>

#include "common/base/check.h"

namespace holdfast {

/// The receiver of one kernel operation's result. It lives inside its owner and must outlive the
/// operation: the kernel owns the operation's memory until the last completion arrives, cancelled
/// or not. At most one operation is in flight on a Completion at a time.
class Completion {
 public:
  Completion() = default;
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  bool in_flight() const { return in_flight_; }

 protected:
  ~Completion() { CHECK(!in_flight_); }
  /// Its operations go by that thread of the loop, whoever's turn starts them. Without it they go by
  /// the thread whose turn it is.
  void stay_on(unsigned thread) { home_ = static_cast<std::uint16_t>(thread); }

 private:
  friend class Loop;
  static constexpr std::uint16_t anywhere = 0xffff;

  /// Called by the loop, never from inside the call that started the operation. `result` is what
  /// the system call would have returned, errors as -errno. When `more` is true the operation
  /// (a multishot one) goes on and will complete again.
  virtual void complete(std::int32_t result, bool more) = 0;

  bool in_flight_ = false;
  std::uint16_t home_ = anywhere;  // a thread of the loop
  std::uint16_t thread_ = 0;       // by which the operation in flight went
};

/// Work to be run by the loop a little later in the same turn, with no kernel operation behind it:
/// how a store that already has its answer keeps the promise not to answer from inside the question.
class Deferred {
 public:
  Deferred() = default;
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  bool queued() const { return queued_; }

 protected:
  ~Deferred() { CHECK(!queued_); }

 private:
  friend class Loop;
  virtual void run() = 0;
  /// For `Loop::do_aside`: what comes before that, perhaps while it is another thread's turn. It
  /// touches nothing but memory of its own and what the kernel guards, and not the loop.
  virtual void aside() {}

  Deferred* next_ = nullptr;
  bool queued_ = false;
};

}  // namespace holdfast
