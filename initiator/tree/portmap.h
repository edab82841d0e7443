#pragma once

#include <cstdint>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"
#include "initiator/device/wire_use.h"
#include "initiator/tree/rpc_message.h"

namespace holdfast::initiator {

/// Asks the host's rpcbind for the TCP port of `program`. Without an rpcbind, or where it does not know
/// the program, the error says so. What it costs is added to `wire`.
Task<Result<std::uint16_t>> find_port(Loop& loop, const SocketAddress& host, const RpcProgram& program,
                                      Instant deadline, WireUse& wire);

}  // namespace holdfast::initiator
