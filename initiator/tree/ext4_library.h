#pragma once

#include <ext2fs/ext2fs.h>
#include <string>

#include "common/base/result.h"

namespace holdfast::initiator {

/// libext2fs's code in our words: "make a file: Could not allocate block in ext2 filesystem".
Error ext4_error(errcode_t code, const std::string& doing);

}  // namespace holdfast::initiator
