#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"

namespace holdfast::initiator {

/// The addresses of `host`, which is a name or an address already, in the resolver's order of
/// preference and a few at most. A name is looked up by a thread of its own, since the resolver
/// blocks; the loop goes on, and gives up at `deadline`.
Task<Result<std::vector<SocketAddress>>> resolve_all(Loop& loop, std::string host, std::uint16_t port,
                                                     Instant deadline);

/// The first of them.
Task<Result<SocketAddress>> resolve(Loop& loop, std::string host, std::uint16_t port, Instant deadline);

}  // namespace holdfast::initiator
