#pragma once

#include <cstdint>

#include "target/lun/command.h"

namespace holdfast::target {

/// SAM-5 5.4.3, as in a SCSI Command PDU (RFC 7143 section 11.3.1).
enum class TaskAttribute : std::uint8_t {
  untagged = 0,  // taken as simple
  simple = 1,
  ordered = 2,
  head_of_queue = 3,
  aca = 4,  // no ACA condition ever stands here
};

/// The commands of one nexus to one logical unit, in the order in which they came, and the rule of
/// SAM-5 8.7 that says when one may start:
///
///   simple         when no older ordered or head of queue command is left
///   ordered        when no older command is left
///   head of queue  at once
class TaskSet {
 public:
  TaskSet() = default;
  TaskSet(const TaskSet&) = delete;
  TaskSet& operator=(const TaskSet&) = delete;

  void enter(Command& command);
  /// True if others may have waited for that: without a command that is not simple none does.
  bool leave(Command& command);
  bool empty() const { return oldest_ == nullptr; }

  bool may_start(const Command& command) const;
  /// Calls `start` for each command that waits and may start now. `start` ends none.
  template <typename Start>
  void start_waiting(Start start);
  template <typename Visit>
  void for_each(Visit visit);

 private:
  static bool is_simple(const Command& command);
  static bool is_head_of_queue(const Command& command);

  Command* oldest_ = nullptr;
  Command* newest_ = nullptr;
  std::uint32_t not_simple_ = 0;
};

template <typename Start>
void TaskSet::start_waiting(Start start) {
  bool any_older = false;
  bool any_older_not_simple = false;
  for (Command* command = oldest_; command != nullptr; command = command->newer_) {
    const bool simple = is_simple(*command);
    const bool blocked = simple ? any_older_not_simple : any_older && !is_head_of_queue(*command);
    if (command->state_ == Command::State::waiting && !blocked) start(*command);
    any_older = true;
    if (!simple) any_older_not_simple = true;
  }
}

template <typename Visit>
void TaskSet::for_each(Visit visit) {
  for (Command* command = oldest_; command != nullptr; command = command->newer_) visit(*command);
}

}  // namespace holdfast::target
