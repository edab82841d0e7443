#pragma once

#include "target/lun/command.h"
#include "target/lun/conditions.h"
#include "target/lun/reservation_access.h"
#include "target/lun/task_set.h"

namespace holdfast::target {

/// What a logical unit keeps for one I_T nexus, from the nexus's first command to it on.
struct NexusState {
  const Nexus* nexus = nullptr;
  /// To the persistent reservation, and up to date: what each command is judged by.
  Standing standing = Standing::stranger;
  Conditions conditions;
  bool prevents_removal = false;  // PREVENT ALLOW MEDIUM REMOVAL
  TaskSet tasks;
};

}  // namespace holdfast::target
