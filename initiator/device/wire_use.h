#pragma once

#include <cstdint>

namespace holdfast::initiator {

/// What a transport put on its wire so far, its own headers and sign-in included.
struct WireUse {
  /// Requests of the protocol: SCSI commands, NBD requests, NFS calls; system calls of a local path.
  std::uint64_t requests = 0;
  /// Bytes of the TCP streams, both zero for what has no wire.
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;

  WireUse& operator+=(const WireUse& other) {
    requests += other.requests;
    bytes_sent += other.bytes_sent;
    bytes_received += other.bytes_received;
    return *this;
  }
};

/// The bytes that a TCP socket has sent, acknowledged or not, and received; zeros for any other
/// descriptor.
WireUse bytes_of_socket(int fd);

}  // namespace holdfast::initiator
