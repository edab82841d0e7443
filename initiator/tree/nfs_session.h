#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/wire_use.h"
#include "initiator/tree/nfs_locks3.h"
#include "initiator/tree/nfs_protocol.h"
#include "initiator/tree/nfs_url.h"
#include "initiator/tree/rpc_connection.h"

namespace holdfast::initiator {

/// A connection to an NFS server with the directory of the URL found.
class NfsSession {
 public:
  /// Connects until `deadline`. With `make_root`, the last directory of the path is made if it is not
  /// there.
  static Task<Result<std::unique_ptr<NfsSession>>> open(Loop& loop, NfsUrl url, bool make_root, Instant deadline);
  /// `close` has finished by then.
  ~NfsSession();
  NfsSession(const NfsSession&) = delete;
  NfsSession& operator=(const NfsSession&) = delete;

  NfsProtocol& protocol() { return *protocol_; }
  RpcConnection& connection() { return *connection_; }
  const RpcConnection& connection() const { return *connection_; }
  const NfsNode& root() const { return root_; }
  bool root_is_new() const { return root_is_new_; }
  const NfsUrl& url() const { return url_; }
  std::map<std::string, std::string> negotiated() const;
  WireUse wire() const;

  /// Ends everything under way.
  void fail(const Error& why);
  Task<void> close();

 private:
  NfsSession(Loop& loop, NfsUrl url);
  Task<Status> start(bool make_root, Instant deadline);
  Task<Status> start3(bool make_root, Instant deadline);
  Task<Status> start4(bool make_root, Instant deadline);
  Task<Status> connect(RpcProgram program, std::uint16_t port, Instant deadline);
  Task<Status> mount(std::uint16_t port, std::size_t& found, Instant deadline);
  /// Looks the components from `first` on up below `root_`.
  Task<Status> descend(std::size_t first, bool make_root);
  Task<Error> not_found(const std::string& component, Error error);
  RpcCredential credential() const;

  Loop& loop_;
  const NfsUrl url_;
  SocketAddress host_;
  std::unique_ptr<RpcConnection> connection_;
  std::unique_ptr<NfsLocks3> locks_;
  std::unique_ptr<NfsProtocol> protocol_;
  NfsNode root_;
  bool root_is_new_ = false;
  std::uint32_t lease_seconds_ = 0;
  WireUse wire_before_;
};

}  // namespace holdfast::initiator
