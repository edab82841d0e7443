#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/completion.h"
#include "common/runtime/features.h"
#include "common/runtime/operation.h"
#include "common/runtime/poll_window.h"
#include "common/runtime/timer.h"

namespace holdfast {

template <typename T>
class Task;
class IoAwaiter;

struct LoopOptions {
  unsigned submission_entries = 256;  // a power of two; completions get four times as many
  unsigned worker_threads_max = 8;    // the kernel's helpers for operations that block
  Features features = Features::all();
  /// How long to ask for completions before sleeping, where they have lately come so fast; zero: not.
  Duration poll{};
};

/// One thread's event loop over one io_uring. In each turn it sleeps until something completes or a
/// timer is due, hands out every completion, runs what became ready, then the turn-end work, and
/// submits everything that was asked for in one system call. Nothing in it may be used from another
/// thread; `Wakeup` is how other threads are heard.
class Loop {
 public:
  /// Sets the ring up with what the kernel offers and `options` allows, and makes this the calling
  /// thread's loop. Fails with words that name what is missing (io_uring off by sysctl or seccomp, a
  /// kernel before 5.6).
  static Result<std::unique_ptr<Loop>> create(const LoopOptions& options = {});
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// The calling thread's loop.
  static Loop& current();
  /// The features in use: asked for and found.
  const Features& features() const { return features_; }

  /// Runs until `main` has finished. What it spawned it has joined, so nothing is in flight after.
  void run(Task<void> main);

  /// Starts `operation`; `completion.complete` is called when it is done, always from the loop.
  void submit(const Operation& operation, Completion& completion);
  /// Asks the kernel to give `completion`'s operation up. It still completes: with -ECANCELED, or
  /// with its result if it was faster.
  void cancel(Completion& completion);
  /// The coroutine's form: `std::int32_t got = co_await loop.perform(Operation::recv(…));`
  IoAwaiter perform(const Operation& operation);

  /// Queues a coroutine to be resumed in this turn. The only place that resumes one is `run`.
  void ready(std::coroutine_handle<> coroutine) { ready_.push_back(coroutine); }
  /// Queues `work` to run in this turn, after what is queued already. Queued at most once.
  void defer(Deferred& work) { deferred_.push(work); }
  /// Queues `work` for the end of this turn, when every completion of it has been seen: where
  /// connections flush what gathered. Queued at most once.
  void at_turn_end(Deferred& work) { turn_end_.push(work); }

  /// The time at which this turn began. Cheap; good enough for stamping completions.
  Instant now() const { return now_; }
  TimerQueue& timers() { return timers_; }

  /// The longest that one turn kept the thread busy since this was last asked: how late a completion
  /// may have been seen by our own fault.
  Duration take_longest_turn();

  std::size_t operations_in_flight() const { return in_flight_; }
  std::uint64_t turns() const { return turns_; }

 private:
  struct Ring;
  struct DeferredQueue {
    Deferred* head = nullptr;
    Deferred** tail = &head;
    bool empty() const { return head == nullptr; }
    void push(Deferred& work);
    Deferred* pop();
    DeferredQueue take();
  };

  Loop(std::unique_ptr<Ring> ring, Features features, Duration poll);
  void end_turn();
  void next_turn();
  void run_what_is_ready();
  void submit_and_wait(bool wait);
  int poll();
  void hand_out_completions();

  std::unique_ptr<Ring> ring_;
  Features features_;
  TimerQueue timers_;
  std::vector<std::coroutine_handle<>> ready_;
  std::vector<std::coroutine_handle<>> running_;
  DeferredQueue deferred_;
  DeferredQueue turn_end_;
  PollWindow poll_window_;
  Instant now_;
  Duration longest_turn_{};
  std::size_t in_flight_ = 0;
  std::uint64_t turns_ = 0;
};

/// A kernel operation that a coroutine waits for.
class IoAwaiter final : public Completion {
 public:
  IoAwaiter(Loop& loop, const Operation& operation) : loop_(loop), operation_(operation) {}
  ~IoAwaiter() = default;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    loop_.submit(operation_, *this);
  }
  std::int32_t await_resume() const noexcept { return result_; }

 private:
  void complete(std::int32_t result, bool) override {
    result_ = result;
    loop_.ready(waiter_);
  }

  Loop& loop_;
  Operation operation_;
  std::coroutine_handle<> waiter_;
  std::int32_t result_ = 0;
};

inline IoAwaiter Loop::perform(const Operation& operation) { return IoAwaiter(*this, operation); }

/// `co_await sleep_until(loop, when)`.
class SleepAwaiter final : public Timer {
 public:
  SleepAwaiter(Loop& loop, Instant when) : Timer(loop), until_(when) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    arm(until_);
  }
  void await_resume() const noexcept {}

 private:
  void expire() override { loop().ready(waiter_); }

  Instant until_;
  std::coroutine_handle<> waiter_;
};

inline SleepAwaiter sleep_until(Loop& loop, Instant when) { return SleepAwaiter(loop, when); }
inline SleepAwaiter sleep_for(Loop& loop, Duration time) {
  return SleepAwaiter(loop, clock_now() + time);
}

}  // namespace holdfast
