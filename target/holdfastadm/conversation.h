#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "common/base/result.h"

namespace holdfast::target {

/// Asks the daemon behind the control socket, and waits for its answer as long as it takes.
Result<nlohmann::json> ask(const std::string& socket, const nlohmann::json& request);

}  // namespace holdfast::target
