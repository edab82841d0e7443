#pragma once

namespace holdfast::target {

/// holdfastd's exit codes, as its help says them.
inline constexpr int exit_ok = 0;
inline constexpr int exit_usage = 2;  // the command line or the configuration
inline constexpr int exit_cannot_start = 3;

}  // namespace holdfast::target
