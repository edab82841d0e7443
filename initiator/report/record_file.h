#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace holdfast::initiator {

/// Whether a record can be written to `path` later: said before the run, not after it.
Status check_record_path(const std::string& path);
/// Writes `text` as a whole or not at all: into a new file beside `path`, which then takes its
/// place. What is no regular file (a pipe, /dev/stdout) is written to directly.
Status write_whole(std::string_view text, const std::string& path);

}  // namespace holdfast::initiator
