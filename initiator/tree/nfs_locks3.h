#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"
#include "initiator/device/wire_use.h"
#include "initiator/tree/nfs_protocol.h"
#include "initiator/tree/rpc_connection.h"

namespace holdfast::initiator {

/// Byte-range locks beside NFS version 3, from the server's lock manager (NLM version 4). It is looked
/// for when the first lock is asked for.
class NfsLocks3 {
 public:
  NfsLocks3(Loop& loop, SocketAddress host) : loop_(loop), host_(host) {}

  /// Tries once: false if somebody else holds a part of the range.
  Task<Result<bool>> lock(const NfsHandle& file, const NfsRange& range, bool exclusive);
  Task<Status> unlock(const NfsHandle& file, const NfsRange& range);

  WireUse wire() const;
  /// Ends what is under way.
  void fail(const Error& why);
  Task<void> close();

 private:
  Task<Status> connect();
  Task<Status> connect_now();

  Loop& loop_;
  const SocketAddress host_;
  std::unique_ptr<RpcConnection> connection_;
  bool connecting_ = false;
  bool ended_ = false;
  Event connected_;
  WireUse wire_before_;
};

}  // namespace holdfast::initiator
