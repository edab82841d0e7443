#pragma once

#include <cstdint>

namespace holdfast {

/// What the kernel tells of one TCP connection at one moment: TCP_INFO and its three queues. Times
/// are in milliseconds before the moment unless they say otherwise.
struct TcpState {
  bool known = false;  // false: no TCP socket, or none any more; everything else is zero then
  std::uint8_t state = 0;     // TCP_ESTABLISHED, …
  std::uint8_t ca_state = 0;  // 4: loss, a timeout was not yet repaired
  std::uint8_t retransmits = 0;  // of the oldest unacknowledged segment, so far
  std::uint8_t backoff = 0;
  std::uint8_t probes = 0;  // of a closed window, unanswered
  std::uint32_t rto_us = 0;
  std::uint32_t rtt_us = 0;
  std::uint32_t segment_bytes = 0;  // the most that one segment of ours carries
  std::uint32_t path_mtu = 0;
  std::uint32_t congestion_window = 0;  // segments
  std::uint32_t unacked = 0;            // segments sent and not acknowledged
  std::uint32_t send_window = 0;        // what the peer's kernel still takes, in bytes
  std::uint32_t last_data_sent_ms = 0;  // sent again counts
  std::uint32_t last_data_received_ms = 0;
  std::uint32_t last_ack_received_ms = 0;  // answers to probes and duplicates count
  std::uint32_t segments_in = 0;
  std::uint32_t segments_out = 0;
  std::uint32_t data_segments_in = 0;  // duplicates count
  std::uint32_t segments_sent_again = 0;
  std::uint32_t duplicates_reported = 0;   // by the peer (DSACK): it had what we sent again
  std::uint32_t out_of_order_in = 0;       // segments that came before one that is missing
  std::uint64_t bytes_sent = 0;            // sent again counts
  std::uint64_t bytes_sent_again = 0;
  std::uint64_t bytes_acked = 0;
  std::uint64_t bytes_received = 0;  // in order, each once
  std::uint64_t window_limited_us = 0;  // time for which the peer's window held us back
  std::uint32_t in_queue = 0;           // SIOCINQ: arrived and not yet read by us
  std::uint32_t out_queue = 0;          // SIOCOUTQ: not acknowledged
  std::uint32_t out_queue_unsent = 0;   // SIOCOUTQNSD: of those, not even sent
};

/// Asks the kernel: four system calls, about 2 µs.
TcpState tcp_state(int fd);

}  // namespace holdfast
