#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "common/base/check.h"
#include "common/runtime/loop.h"

// A Task is a coroutine that starts when it is awaited and whose end wakes its waiter. Both steps go
// through the loop's ready queue: with symmetric transfer g++ 12.2 overflows the stack in debug and
// sanitizer builds, and a replayable order is worth the few nanoseconds.
//
// g++ 12.2 also miscompiles several forms of co_await. It stands alone: the initialiser of a named
// local, or a whole statement, with no lambda, aggregate or braces inside its operand.

namespace holdfast {

template <typename T>
class Task;

namespace task_detail {

struct PromiseBase {
  std::coroutine_handle<> waiter;

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      if (self.promise().waiter) Loop::current().ready(self.promise().waiter);
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() const noexcept { std::terminate(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;

  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
};

}  // namespace task_detail

/// A coroutine with a result. Move-only; awaited at most once, by naming it or calling it in the
/// co_await itself. A task that was started must have finished before it is destroyed.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  class Awaiter {
   public:
    explicit Awaiter(Handle handle) : handle_(handle) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) const {
      handle_.promise().waiter = waiter;
      Loop::current().ready(handle_);
    }
    T await_resume() const {
      if constexpr (!std::is_void_v<T>) {
        CHECK(handle_.promise().value.has_value());
        return std::move(*handle_.promise().value);
      }
    }

   private:
    Handle handle_;
  };

  Awaiter operator co_await() const {
    CHECK(handle_ && !handle_.done());
    return Awaiter(handle_);
  }

 private:
  friend promise_type;
  explicit Task(Handle handle) : handle_(handle) {}

  Handle handle_;
};

namespace task_detail {
template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}
}  // namespace task_detail

}  // namespace holdfast
