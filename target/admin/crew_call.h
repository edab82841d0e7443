#pragma once

#include <functional>

#include "common/runtime/blocking_crew.h"
#include "common/runtime/event.h"
#include "common/runtime/task.h"

namespace holdfast::target {

/// Runs `work` on a thread of the crew and waits for its end. What it uses outlives that end.
Task<void> on_crew(BlockingCrew& crew, const std::function<void()>& work);

}  // namespace holdfast::target
