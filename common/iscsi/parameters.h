#pragma once

#include <cstdint>

namespace holdfast::iscsi {

/// The operational keys of a session and its connections in force, RFC 7143 section 13. The values
/// here are the RFC's defaults: what holds for a key that nobody named.
struct Parameters {
  bool header_digest = false;                              // 13.1: CRC32C, or none
  bool data_digest = false;                                // 13.1
  std::uint32_t max_connections = 1;                       // 13.2
  bool initial_r2t = true;                                 // 13.10
  bool immediate_data = true;                              // 13.11
  std::uint32_t our_max_recv_data_segment_length = 8192;   // 13.12, declared by us
  std::uint32_t peer_max_recv_data_segment_length = 8192;  // 13.12, declared by the peer
  std::uint32_t max_burst_length = 262'144;                // 13.13
  std::uint32_t first_burst_length = 65'536;               // 13.14
  std::uint32_t default_time2wait = 2;                     // 13.15, seconds
  std::uint32_t default_time2retain = 20;                  // 13.16, seconds
  std::uint32_t max_outstanding_r2t = 1;                   // 13.17
  bool data_pdu_in_order = true;                           // 13.18
  bool data_sequence_in_order = true;                      // 13.19
  std::uint32_t error_recovery_level = 0;                  // 13.20
  std::uint32_t iscsi_protocol_level = 1;                  // 13.24
};

}  // namespace holdfast::iscsi
