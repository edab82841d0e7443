#include "common/runtime/scope.h"

#include <coroutine>
#include <exception>
#include <utility>

namespace holdfast {
namespace {

/// A frame that frees itself at its end: the shell around a spawned task.
struct Spawned {
  struct promise_type {
    Spawned get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

template <typename Finished>
Spawned run_spawned(Task<void> task, Finished finished) {
  {
    // The task's frame goes before its scope can be told that it has gone.
    Task<void> running = std::move(task);
    co_await running;
  }
  finished();
}

}  // namespace

void Scope::spawn(Task<void> task) {
  ++running_;
  idle_.reset();
  auto finished = [this] { child_finished(); };
  Spawned spawned = run_spawned(std::move(task), finished);
  Loop::current().ready(spawned.handle);
}

Task<void> Scope::join() {
  while (running_ > 0) co_await idle_.wait();
}

void Scope::child_finished() {
  CHECK(running_ > 0);
  if (--running_ == 0) idle_.set();
}

}  // namespace holdfast
