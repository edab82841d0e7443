#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "common/runtime/blocking_crew.h"
#include "initiator/tree/directory_calls.h"
#include "initiator/tree/directory_tree.h"

// The directory tree's own, shared by its source files.

namespace holdfast::initiator {

/// What the threads of a tree use, and so what stays when one of them never returns.
struct DirectoryTree::Parts {
  std::unique_ptr<BlockingCrew> crew;
  /// For those who wait for a lock, so that they keep no thread from him who would release it.
  std::unique_ptr<BlockingCrew> lock_crew;
  DirectoryCalls calls;
  OpenPlaces places{open_places_max};
  DirectoryAbilities abilities;
};

/// A file from its making to its end.
struct DirectoryTree::Writing {
  Fd fd;
  Attributes attributes;
  std::uint64_t written_to = 0;  // bytes from its start
  bool sync = false;             // on its own, at its end
};

/// The one open file through which this session locks a file, so that its locks are one owner's.
struct DirectoryTree::Locking {
  std::mutex opening;
  Fd fd;
};

template <typename Work>
Task<typename std::invoke_result_t<Work&, CallSite&>> DirectoryTree::perform(Work work) {
  if (!failure_.ok()) co_return failure_.error();
  auto call = parts_->calls.start(*parts_->crew, std::move(work));
  co_await call->wait();
  std::invoke_result_t<Work&, CallSite&> answer = call->take();
  if (!answer) note(answer.error());
  co_return answer;
}

}  // namespace holdfast::initiator
