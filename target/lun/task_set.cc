#include "target/lun/task_set.h"

namespace holdfast::target {

bool TaskSet::is_simple(const Command& command) {
  const auto attribute = static_cast<TaskAttribute>(command.attribute);
  return attribute != TaskAttribute::ordered && attribute != TaskAttribute::head_of_queue;
}

bool TaskSet::is_head_of_queue(const Command& command) {
  return static_cast<TaskAttribute>(command.attribute) == TaskAttribute::head_of_queue;
}

void TaskSet::enter(Command& command) {
  command.older_ = newest_;
  command.newer_ = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->newer_) = &command;
  newest_ = &command;
  if (!is_simple(command)) ++not_simple_;
}

bool TaskSet::leave(Command& command) {
  (command.older_ == nullptr ? oldest_ : command.older_->newer_) = command.newer_;
  (command.newer_ == nullptr ? newest_ : command.newer_->older_) = command.older_;
  command.older_ = command.newer_ = nullptr;
  const bool others_may_wait = not_simple_ > 0;
  if (!is_simple(command)) --not_simple_;
  return others_may_wait;
}

bool TaskSet::may_start(const Command& command) const {
  if (is_head_of_queue(command)) return true;
  if (!is_simple(command)) return command.older_ == nullptr;
  if (not_simple_ == 0) return true;
  for (const Command* older = command.older_; older != nullptr; older = older->older_)
    if (!is_simple(*older)) return false;
  return true;
}

}  // namespace holdfast::target
