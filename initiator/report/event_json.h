#pragma once

#include <nlohmann/json.hpp>

#include "initiator/report/json_value.h"
#include "initiator/watch/path_event.h"

namespace holdfast::initiator {

// An event of a run record, with what was in flight and what was seen of the path around it.

Json json_of(const PathEvent& event);
PathEvent event_of(const Json& json);

}  // namespace holdfast::initiator
