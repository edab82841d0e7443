#pragma once

#include <chrono>

namespace holdfast {

/// Time since boot on CLOCK_MONOTONIC, in nanoseconds. The one clock that ages, deadlines and timers use.
using Clock = std::chrono::steady_clock;
using Instant = std::chrono::time_point<Clock, std::chrono::nanoseconds>;
using Duration = std::chrono::nanoseconds;

/// Reads the clock (one vDSO call, about 20 ns). Where the turn's time will do, ask `Loop::now()`.
inline Instant clock_now() { return Clock::now(); }

}  // namespace holdfast
