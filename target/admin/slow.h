#pragma once

#include <cstdint>
#include <optional>

#include "target/admin/show.h"

namespace holdfast::target {

/// One page of what was slow and what still is: commands that are stuck first, then those that were
/// slow, the oldest first; then, if `connections` are asked for, what is remembered of every
/// connection, and of the last ones that ended. `after` is 0 for the first page; a page that is not the
/// last one says `next`, which is the next one's `after`.
///
/// Times are in nanoseconds by this machine's CLOCK_MONOTONIC.
Shown show_slow(const Administrator& administrator, std::uint64_t after, bool connections);

/// How commands went, Lun by Lun; in pages, too.
Shown show_statistics(const Administrator& administrator, std::uint64_t after);

/// How many commands have been under way for longer than they may.
std::size_t count_stuck(const Administrator& administrator);

}  // namespace holdfast::target
