#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/socket.h"
#include "common/runtime/tcp_state.h"

namespace holdfast::initiator {

/// A number that no other connection of this process has had.
std::uint32_t new_connection_id();

/// A request that the peer owes an answer to.
struct OwedRequest {
  std::uint64_t tag = 0;  // iSCSI: the Initiator Task Tag; NBD: the handle; NFS: the XID
  Instant sent{};         // when it was given to the connection
  std::uint64_t offset = 0;  // in bytes, where it has one
  std::uint64_t bytes = 0;
  /// What is asked for: a SCSI CDB, or the number of an NBD command or an NFS procedure.
  std::array<std::uint8_t, 16> cdb{};
  std::uint8_t cdb_bytes = 0;  // 0 for all but SCSI
  std::uint32_t code = 0;      // 0 for SCSI
  std::uint32_t cmd_sn = 0;    // iSCSI
};

/// iSCSI's command window as the target last granted it (RFC 7143 section 4.2.2.1).
struct CommandWindow {
  std::uint32_t cmd_sn = 0;  // the next one's
  std::uint32_t exp_cmd_sn = 0;
  std::uint32_t max_cmd_sn = 0;
};

/// The questions to the peer's protocol that `PathWitness::ping` asked.
struct PingEvidence {
  std::uint32_t asked = 0;
  std::uint32_t answered = 0;
  std::uint32_t number = 0;  // of the last one asked, as the peer may know it
  Instant last_asked{};
  Instant last_answered{};
  Duration round_trip{};  // of the last one answered
};

/// What is known of one connection to the peer at one moment. What a transport cannot know is left
/// empty.
struct ConnectionEvidence {
  /// The same for as long as the connection lives, another one after each reconnect.
  std::uint32_t id = 0;
  TcpState tcp;
  /// The connection's protocol is done with it: it failed or was closed, and `failure` is the errno.
  bool failed = false;
  int failure = 0;

  std::uint32_t owed = 0;     // requests that were given to the connection and not answered
  std::uint32_t waiting = 0;  // what still waits in our own queues to be sent, in requests or PDUs
  /// Requests wait because the peer's protocol does not allow them yet, and not because of the socket.
  bool window_closed = false;
  std::optional<OwedRequest> oldest;
  std::optional<CommandWindow> window;
  std::optional<std::uint32_t> last_stat_sn;
  std::optional<std::uint32_t> r2ts;            // granted and not yet served by us
  std::optional<std::uint64_t> data_out_bytes;  // that we still owe to R2Ts
  PingEvidence ping;
  Instant last_received{};  // bytes of the protocol, as seen by us
  Instant last_sent{};
};

/// How somebody who is not part of the data path can see whether the peer is there.
struct PeerDoor {
  SocketAddress local;  // our end of the connection in use
  SocketAddress peer;
  /// What a new connection may say so that a live peer answers something, whatever it is; empty where
  /// the peer speaks first.
  std::vector<std::byte> hello;
  /// The UDP port that sends back what it gets; 0 if there is none.
  std::uint16_t echo_port = 0;
};

/// What a device, or a tree that has sockets of its own, can say of its path when it is asked. Answers
/// cost a few system calls and no allocation; nothing of it is kept up to date in between but a few
/// numbers that cost nothing.
class PathWitness {
 public:
  /// Describes the connections, the one with the oldest owed request among them, and returns how many.
  virtual std::size_t examine(std::span<ConnectionEvidence> into) const {
    static_cast<void>(into);
    return 0;
  }
  /// Asks the peer's protocol something that needs no storage (NOP-Out), on each connection where no such
  /// question is open. False if the protocol has no such question, or cannot ask now.
  virtual bool ping() { return false; }
  /// What the oldest call that has not come back is in, where it is of this machine: "the kernel has been in
  /// fchown for 3.2 s". Empty if there is none, or if nothing is known.
  virtual std::string stuck_in() const { return {}; }
  /// None where there is no network in between.
  virtual std::optional<PeerDoor> door() const { return std::nullopt; }

 protected:
  ~PathWitness() = default;
};

}  // namespace holdfast::initiator
