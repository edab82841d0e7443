#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "common/runtime/socket.h"

namespace holdfast::target {

/// Listens on each of `addresses`, or on every address of the machine if there is none. With port 0
/// they all get the same free port. The error names the address that it is about.
Result<std::vector<Fd>> listen_on(const std::vector<std::string>& addresses, std::uint16_t port);

}  // namespace holdfast::target
