#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/tree/ext4_tree.h"
#include "initiator/tree/write_back_cache.h"

namespace holdfast::initiator {

/// A filesystem of `bytes` as mke2fs makes it, in memory that is taken only where mke2fs wrote.
/// Fails with `out_of_space`, naming both sizes, if what `options` announces would not fit.
Task<Result<Fd>> make_ext4_image(Loop& loop, std::uint64_t bytes, const Ext4Options& options);

/// Writes the image's data, and nothing for its holes, through the cache. Called on its fiber.
Status load_image(int image, WriteBackCache& cache);

/// How many inodes a filesystem of `bytes` gets: as many as mke2fs would give it, or enough for
/// `nodes` and for a few that appear while they are copied.
std::uint64_t inodes_for(std::uint64_t bytes, std::uint64_t nodes);

}  // namespace holdfast::initiator
