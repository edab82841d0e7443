#pragma once

#include "target/store/store.h"

namespace holdfast::target {

/// Answers a map request from what the filesystem knows of a regular file. What it holds in memory
/// and has not yet written counts as data. It may wait for the medium. Returns 0 or the errno.
int map_extents(int fd, StoreRequest& request);

}  // namespace holdfast::target
