#pragma once

#include <ext2fs/ext2fs.h>

#include "initiator/tree/write_back_cache.h"

namespace holdfast::initiator {

/// Opens a filesystem that libext2fs reads and writes through `cache`, on whose fiber this is
/// called. `flags` are EXT2_FLAG_…. The cache outlives the filesystem.
errcode_t open_through_cache(WriteBackCache& cache, int flags, ext2_filsys* filesystem);

}  // namespace holdfast::initiator
