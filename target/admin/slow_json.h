#pragma once

#include <nlohmann/json.hpp>

#include "target/session/flight_recorder.h"

namespace holdfast::target {

/// What `holdfastadm slow` tells of a command, of a connection's state, and of a connection. Members
/// whose time has not come are left out.
nlohmann::json to_json(const SlowCommand& command);
nlohmann::json to_json(const TcpState& state);
nlohmann::json to_json(const ConnectionTrace& connection);

}  // namespace holdfast::target
