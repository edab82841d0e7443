#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/task.h"
#include "initiator/tree/nfs_protocol.h"
#include "initiator/tree/rpc_connection.h"

namespace holdfast::initiator {

/// An export that mountd has given us the handle of.
struct NfsMount {
  NfsHandle handle;
  std::size_t components = 0;  // of the path, that lead to it
};

/// Asks mountd (RFC 1813 section 5) for the longest part of the path that it knows. The error lists what
/// the server exports.
Task<Result<NfsMount>> mount_longest(RpcConnection& mountd, const std::vector<std::string>& components);

}  // namespace holdfast::initiator
