#pragma once

#include <cstddef>

#include "common/runtime/event.h"
#include "common/runtime/task.h"

namespace holdfast {

/// The owner of coroutines that run side by side. Nothing is ever detached: a scope is joined
/// before it ends, so nothing that a child uses can die under it.
class Scope {
 public:
  Scope() = default;
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() { CHECK(running_ == 0); }

  /// Starts `task` beside the caller; it first runs when the loop gets to it.
  void spawn(Task<void> task);
  /// Waits until every spawned task, including those spawned meanwhile, has finished.
  Task<void> join();

  std::size_t running() const { return running_; }

 private:
  void child_finished();

  std::size_t running_ = 0;
  Event idle_;
};

}  // namespace holdfast
