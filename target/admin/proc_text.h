#pragma once

#include <string>

#include "target/admin/administrator.h"

namespace holdfast::target {

/// What IET has in /proc/net/iet/volume and /proc/net/iet/session, to the letter: the newest target
/// first, and Luns that are being closed with state 1.
std::string volume_text(const Administrator& administrator);
std::string session_text(const Administrator& administrator);

}  // namespace holdfast::target
