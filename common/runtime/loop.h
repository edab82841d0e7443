#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/completion.h"
#include "common/runtime/features.h"
#include "common/runtime/operation.h"
#include "common/runtime/timer.h"

namespace holdfast {

template <typename T>
class Task;
class IoAwaiter;
class MoveAwaiter;
class Turn;

struct LoopOptions {
  unsigned submission_entries = 256;  // a power of two; completions get four times as many
  unsigned worker_threads_max = 8;    // the kernel's helpers for operations that block
  Features features = Features::all();
  /// How long to ask for completions before sleeping, where they have lately come so fast; zero: not.
  Duration poll{};
  unsigned threads = 1;  // the caller's included; at most Loop::threads_max
};

/// An event loop over one io_uring. In each turn it sleeps until something completes or a timer is
/// due, hands out every completion, runs what became ready, then the turn-end work, and submits
/// everything that was asked for in one system call.
///
/// With several threads each one has an io_uring of its own, and they take turns: whatever of ours a
/// turn runs, it runs alone, and sees all that the turns before it did. What the kernel does for them
/// when they enter it, copying to and from sockets and files above all, they do side by side. An
/// operation goes by the thread whose turn starts it and completes in a turn of that thread, so what
/// is moved to a thread stays there. Nothing here may be used from outside of a turn, but for the
/// thread that made the loop while it does not run; `Wakeup` is how other threads are heard.
class Loop {
 public:
  static constexpr unsigned threads_max = 64;

  /// Sets the rings up with what the kernel offers and `options` allows, and makes this the calling
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

  unsigned threads() const { return static_cast<unsigned>(lanes_.size()); }
  /// The thread whose turn it is, counted from 0, which is the one that made the loop.
  unsigned thread() const { return thread_; }
  /// `co_await loop.move_to(thread)`: the coroutine goes on in a turn of that thread.
  MoveAwaiter move_to(unsigned thread);
  /// How many a `Seat` counts there.
  std::size_t seats(unsigned thread) const { return seats_[thread]; }
  /// How much processor time a thread has had, in the kernel too.
  Duration processor_time(unsigned thread) const;

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
  void ready(std::coroutine_handle<> coroutine) { agenda_->ready.push_back(coroutine); }
  /// Queues `work` to run in this turn, after what is queued already. Queued at most once.
  void defer(Deferred& work) { agenda_->deferred.push(work); }
  /// The same, with `work.aside()` before it, for what takes long: at once where there is one thread;
  /// else by the same thread while others may have their turn.
  void do_aside(Deferred& work);
  /// Queues `work` for the end of this turn, when every completion of it has been seen: where
  /// connections flush what gathered. Queued at most once.
  void at_turn_end(Deferred& work) { agenda_->turn_end.push(work); }

  /// The time at which this turn began. Cheap; good enough for stamping completions.
  Instant now() const { return now_; }
  /// Of the thread whose turn it is: a timer expires in a turn of the thread that armed it.
  TimerQueue& timers() { return agenda_->timers; }

  /// The longest that one turn kept a thread busy since this was last asked, with the time that it
  /// waited for the turn: how late a completion may have been seen by our own fault.
  Duration take_longest_turn();

  std::size_t operations_in_flight() const { return in_flight_; }
  std::uint64_t turns() const { return turns_; }

 private:
  friend class MoveAwaiter;
  friend class Seat;
  struct DeferredQueue {
    Deferred* head = nullptr;
    Deferred** tail = &head;
    bool empty() const { return head == nullptr; }
    void push(Deferred& work);
    Deferred* pop();
    DeferredQueue take();
  };
  /// What a thread has to do when it has the turn, beside handing out completions.
  struct Agenda {
    std::vector<std::coroutine_handle<>> ready;
    DeferredQueue deferred;
    DeferredQueue aside;
    DeferredQueue turn_end;
    TimerQueue timers;
    bool empty() const { return ready.empty() && deferred.empty() && aside.empty() && turn_end.empty(); }
  };
  struct Lane;

  explicit Loop(const Features& features);
  Status add_lane(const LoopOptions& options);
  void serve(Lane& lane);
  void next_turn(Lane& lane);
  void do_turn(Lane& lane);
  void run_what_is_ready();
  void work_aside(Lane& lane);
  void enter_turn(Lane& lane);
  void leave_turn(Lane& lane);
  void wake(Lane& lane);
  void enter_kernel(Lane& lane, bool wait, std::optional<Instant> until);
  void take_letters(Lane& lane);
  void hand_out_completions(Lane& lane);
  void move(std::coroutine_handle<> coroutine, unsigned thread);

  Features features_;
  std::unique_ptr<Turn> turn_;  // none where there is one thread
  std::vector<std::unique_ptr<Lane>> lanes_;  // one a thread
  // Of the turn that is on.
  Lane* lane_ = nullptr;
  Agenda* agenda_ = nullptr;
  unsigned thread_ = 0;
  Instant now_;
  Instant woken_;  // when its thread came for it
  std::uint64_t bells_ = 0;  // threads that are to be woken after it, a bit for each

  std::vector<std::coroutine_handle<>> running_;
  std::vector<std::size_t> seats_;
  Duration longest_turn_{};
  std::size_t in_flight_ = 0;
  std::uint64_t turns_ = 0;
  bool stopping_ = false;
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

/// `co_await loop.move_to(thread)`.
class MoveAwaiter {
 public:
  MoveAwaiter(Loop& loop, unsigned thread) : loop_(loop), thread_(thread) {}
  bool await_ready() const noexcept { return loop_.thread() == thread_; }
  void await_suspend(std::coroutine_handle<> waiter) { loop_.move(waiter, thread_); }
  void await_resume() const noexcept {}

 private:
  Loop& loop_;
  unsigned thread_;
};

inline MoveAwaiter Loop::move_to(unsigned thread) { return MoveAwaiter(*this, thread); }

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
