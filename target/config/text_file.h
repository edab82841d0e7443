#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"

namespace holdfast::target {

/// A configuration larger than this is refused unread.
inline constexpr std::size_t config_bytes_max = 4 * 1024 * 1024;

struct TextFile {
  std::string text;
  bool others_can_read = false;
};

/// The whole of a file of bounded size. A fifo is fine too (a shell's `<(…)`).
Result<TextFile> read_text_file(const std::string& path);

}  // namespace holdfast::target
