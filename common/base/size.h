#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.h"

namespace holdfast {

/// Reads "512", "4k", "1M", "10g" or "2T": whole bytes, or as many times 1024 as the letter says, and
/// more than nothing. The error says what is wrong with it.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace holdfast
