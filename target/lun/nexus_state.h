#pragma once

#include "target/lun/conditions.h"
#include "target/lun/task_set.h"

namespace holdfast::target {

/// What a logical unit keeps for one I_T nexus, from the nexus's first command to it on.
struct NexusState {
  Conditions conditions;
  TaskSet tasks;
};

}  // namespace holdfast::target
