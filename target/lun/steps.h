#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <span>
#include <sys/uio.h>

#include "common/runtime/loop.h"
#include "target/lun/range_locks.h"
#include "target/store/store.h"

// What the coroutines of commands that take several steps wait for. READ and WRITE have none of it.

namespace holdfast::target {

/// One request to a store at a time: `const int error = co_await call.read(offset, vectors);`
class StoreStep {
 public:
  explicit StoreStep(Store& store);
  /// While it waits for the store `at` is its request, for others to give up.
  StoreStep(Store& store, StoreRequest*& at) : StoreStep(store) { at_ = &at; }

  class Awaiter {
   public:
    explicit Awaiter(StoreStep& step) : step_(step) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      step_.waiter_ = waiter;
      if (step_.at_ != nullptr) *step_.at_ = &step_.request_;
      step_.store_.submit(step_.request_);
    }
    /// 0, or the errno.
    int await_resume() const noexcept {
      if (step_.at_ != nullptr) *step_.at_ = nullptr;
      return step_.request_.error;
    }

   private:
    StoreStep& step_;
  };

  Awaiter read(std::uint64_t offset, std::span<iovec> vectors);
  Awaiter write(std::uint64_t offset, std::span<iovec> vectors, bool durable);
  Awaiter flush();
  /// `operation` is one about a range without data: unmap, anchor, ….
  Awaiter change(StoreOperation operation, std::uint64_t offset, std::uint64_t bytes, bool durable);

  StoreRequest& request() { return request_; }
  Awaiter submit() { return Awaiter(*this); }

 private:
  Store& store_;
  StoreRequest request_;
  StoreRequest** at_ = nullptr;
  std::coroutine_handle<> waiter_;
};

/// A lock that a coroutine waits for, and that ends with it at the latest.
class RangeHold {
 public:
  explicit RangeHold(RangeLocks& locks) : locks_(locks) {}
  RangeHold(const RangeHold&) = delete;
  RangeHold& operator=(const RangeHold&) = delete;
  ~RangeHold() { release(); }

  class Awaiter {
   public:
    explicit Awaiter(RangeHold& hold) : hold_(hold) {}
    bool await_ready() const noexcept { return hold_.locks_.acquire(hold_.lock_); }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { hold_.waiter_ = waiter; }
    void await_resume() const noexcept {}

   private:
    RangeHold& hold_;
  };

  /// `co_await hold.take(mode, from, bytes);` with at least one byte, and nothing held before.
  Awaiter take(RangeLock::Mode mode, std::uint64_t from, std::uint64_t bytes);
  void release() {
    if (lock_.entered()) locks_.release(lock_);
  }

 private:
  RangeLocks& locks_;
  RangeLock lock_;
  std::coroutine_handle<> waiter_;
};

/// The shell around the work of one command: it starts at once, and frees itself at its end. The
/// command stays in its task set until then, so whoever waits for the commands waits for this.
struct Shell {
  struct promise_type {
    Shell get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

}  // namespace holdfast::target
