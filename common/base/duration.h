#pragma once

#include <string_view>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace holdfast {

/// Reads "500ms", "1.5s", "10s", "2m", "1h" or "250us". The number may have a fraction, the unit is
/// never left out, and the whole is more than nothing and at most a year. The error says what is
/// wrong with it.
Result<Duration> parse_duration(std::string_view text);

}  // namespace holdfast
