#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace holdfast::initiator {

/// "0 B", "812 B", "64.0 MiB".
std::string bytes_text(std::uint64_t bytes);
/// "86.1 MiB/s".
std::string rate_text(std::uint64_t bytes, Duration time);
/// Three digits and a unit: "0", "350 us", "34.0 ms", "3.00 s", "12 min 5 s", "3 h 4 min".
std::string duration_text(Duration time);
/// Seconds with as many decimals as `json` wants: microseconds.
double seconds_of(Duration time);
/// Back from such seconds.
Duration duration_of(double seconds);
/// "12,345".
std::string with_commas(std::uint64_t count);
/// "1 file", "12,345 files".
std::string count_text(std::uint64_t count, std::string_view one, std::string_view many);

/// `bytes` as valid UTF-8: what is none becomes \xNN.
std::string valid_utf8(std::string_view bytes);
/// The same, and fit for one line of a terminal: control characters become escapes too.
std::string printable_text(std::string_view bytes);

}  // namespace holdfast::initiator
