#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/socket.h"

namespace holdfast::target {

/// Raises the limit on open descriptors as far as the system lets us, up to what we can use, and
/// returns it: every session has one.
std::size_t raise_descriptor_limit();

/// Gives up root for `uid` and `gid`, for good, and checks that it is gone.
Status drop_privileges(std::optional<uid_t> uid, std::optional<gid_t> gid);

/// Tells whoever started us that logins are accepted: one line "ready ADDR:PORT" for each address
/// on `ready_fd`, and systemd if it asks.
Status announce_ready(std::optional<int> ready_fd, const std::vector<SocketAddress>& addresses);
/// Tells systemd that we are ending.
void announce_stopping();

}  // namespace holdfast::target
