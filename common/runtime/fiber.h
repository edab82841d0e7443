#pragma once

#include <coroutine>
#include <cstddef>
#include <memory>

#include "common/base/result.h"
#include "common/base/units.h"
#include "common/runtime/completion.h"
#include "common/runtime/loop.h"

namespace holdfast {

/// Synchronous work for a fiber, and the coroutine that waits for its end.
class FiberJob {
 public:
  FiberJob() = default;
  FiberJob(const FiberJob&) = delete;
  FiberJob& operator=(const FiberJob&) = delete;

 protected:
  ~FiberJob() = default;
  void set_waiter(std::coroutine_handle<> waiter) { waiter_ = waiter; }

 private:
  friend class Fiber;
  virtual void run() = 0;

  FiberJob* next_ = nullptr;
  std::coroutine_handle<> waiter_;
};

/// A second stack on the loop's thread, for a library that wants to wait inside its calls. Jobs run
/// on it one at a time, in the order in which they came. A job that need not wait runs to its end
/// inside the call that brought it, without the loop and without a system call; one that must wait
/// calls `suspend`, and the loop goes on until someone calls `wake`.
class Fiber final : private Deferred {
 public:
  static constexpr std::size_t stack_bytes_default = 512 * KiB;

  /// Maps a stack of `stack_bytes` with a page below it that must not be touched.
  static Result<std::unique_ptr<Fiber>> create(Loop& loop,
                                               std::size_t stack_bytes = stack_bytes_default);
  /// No job is left by then.
  ~Fiber();

  template <typename Work>
  class Call;

  /// Runs `work()` on the fiber: `co_await fiber.run(work);` with `work` a named local.
  template <typename Work>
  Call<Work> run(Work& work) {
    return Call<Work>(*this, work);
  }

  /// Called on the fiber: gives the thread back to the loop until `wake`. May also return without
  /// cause, so it stands in a loop that asks for what it waits for.
  void suspend();
  /// Lets a suspended job go on, a little later in this turn. Nothing happens if none is suspended.
  void wake();

  /// Called on the fiber by work that has much to do and need not wait: lets the loop see to the
  /// kernel and to everybody else once, if the fiber has had the thread for longer than `time`.
  void yield_after(Duration time);

  /// Whether the caller runs on this fiber.
  bool is_running() const { return running_; }
  bool idle() const { return current_ == nullptr; }

 private:
  struct Context;

  Fiber(Loop& loop, std::unique_ptr<Context> context);

  /// Runs `job`, or queues it behind others. Returns whether it has finished already; if not, its
  /// waiter is made ready when it has.
  bool begin(FiberJob& job);
  void run() override;
  void switch_in();
  void switch_out(bool for_good);
  static void enter();
  void run_jobs();

  Loop& loop_;
  std::unique_ptr<Context> context_;
  FiberJob* current_ = nullptr;
  FiberJob* begun_ = nullptr;  // the job whose `begin` has not returned yet
  FiberJob* head_ = nullptr;
  FiberJob** tail_ = &head_;
  Instant resumed_at_{};
  bool running_ = false;
  bool suspended_ = false;
  bool ending_ = false;
};

template <typename Work>
class Fiber::Call final : public FiberJob {
 public:
  Call(Fiber& fiber, Work& work) : fiber_(fiber), work_(work) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) {
    set_waiter(waiter);
    return !fiber_.begin(*this);
  }
  void await_resume() const noexcept {}

 private:
  void run() override { work_(); }

  Fiber& fiber_;
  Work& work_;
};

}  // namespace holdfast
