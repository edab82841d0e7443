#pragma once

#include <string>

#include "initiator/cli/copy_run.h"

namespace holdfast::initiator {

// What a verb does once its options are read: it returns the exit code, and prints everything itself.

/// `holdfast copy`.
int copy_verb(CopyRunOptions options);
/// `holdfast discover`.
int discover_verb(const std::string& url);

/// "holdfast: …" on standard error; returns `code`.
int complain(const Error& error, int code);

inline constexpr int exit_usage = 2;
inline constexpr int exit_not_started = 3;

}  // namespace holdfast::initiator
