#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace holdfast::initiator {

/// A status that is not OK as an error: what concerns one node is `refused` or `out_of_space`, what
/// concerns all of them `system`. `verb` is what was asked for.
Error nfs_error(std::string_view verb, std::uint32_t status, unsigned version);

/// Whether the server asks to be asked again later: JUKEBOX, DELAY or GRACE.
bool asks_for_patience(std::uint32_t status);

/// How long to wait before asking again for the `again`th time, as the kernel's client does.
Duration patience(unsigned again);

}  // namespace holdfast::initiator
