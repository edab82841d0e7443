#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

namespace holdfast {

enum class LogLevel { debug, info, warning, error };

/// Where log lines go. Until `log_to…` is called they go to stderr at level info.
void log_to_stderr(LogLevel at_least);
/// Sends lines to the system log under `ident`, as daemons do.
void log_to_syslog(const std::string& ident, LogLevel at_least);

bool log_enabled(LogLevel level);
void log_line(LogLevel level, std::string_view line);

/// Writes one line to the log. Never given a secret. Arguments are formatted only if the level is on.
template <typename... Arguments>
void log(LogLevel level, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (log_enabled(level)) log_line(level, fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace holdfast
