#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace holdfast::target {

/// Replaces `path` as a whole or not at all. What is written holds secrets: only its owner may read it.
/// It keeps the owner that it had, since a daemon without root must read it again. What was there is kept
/// as `path`.bak.
Status save_file(const std::string& path, std::string_view text);

}  // namespace holdfast::target
