#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/iscsi/parameters.h"
#include "target/config/portal_address.h"

namespace holdfast::target {

enum class LunType : std::uint8_t { fileio, blockio, nullio, memory };

enum class IoMode : std::uint8_t {
  write_through,  // wt: on the medium before GOOD
  write_back,     // wb: WCE=1, flushed by SYNCHRONIZE CACHE and FUA
  read_only,      // ro
  direct,         // direct: past the page cache; WCE=1, since the device's own cache remains
};

/// A `Lun` line.
struct LunConfig {
  std::uint32_t number = 0;
  LunType type = LunType::fileio;
  IoMode mode = IoMode::write_through;
  std::string path;                          // absolute; empty for nullio
  std::optional<std::uint32_t> block_bytes;  // BlockSize=; by default 512, or the device's own
  std::optional<std::uint64_t> blocks;       // Blocks= or Sectors=, for nullio
  std::uint64_t size = 0;                    // Size=, for memory: bytes
  bool thin = false;                         // Thin=
  bool removable = false;                    // Removable=
  bool write_protect = false;                // WriteProtect
  std::uint32_t physical_block_bytes = 0;    // PhysicalBlockSize=; 0: the store's own
  std::uint16_t rotation_rate = 1;           // Rotational=; 1: it does not
  std::optional<std::uint32_t> max_transfer; // MaxTransfer=; bytes
  std::string vendor;                        // Vendor=, Product=, Revision=; empty: ours
  std::string product;
  std::string revision;
  std::optional<std::array<std::uint8_t, 8>> wwn;  // Wwn=
  std::string scsi_id;                       // ScsiId=; empty: derived from the IQN and the number
  std::string scsi_sn;                       // ScsiSN=; empty: derived from the ScsiId
  int line = 0;                              // where it stands in the file
};

/// A name and its secret, for CHAP.
struct Account {
  std::string name;
  std::string secret;
  int line = 0;
};

/// IncomingUser and OutgoingUser lines: who may log in, and as whom we prove ourselves. With an
/// incoming account nobody gets in without CHAP.
struct Accounts {
  std::vector<Account> incoming;
  std::optional<Account> outgoing;
};

/// What we offer for the operational keys that a target's stanza does not name. They are chosen to
/// perform: IET's own defaults cost a round trip per write and cut data into 8 KiB.
inline constexpr iscsi::Parameters offered_by_default{
    .initial_r2t = false,
    .our_max_recv_data_segment_length = 262'144,
    .max_burst_length = 1'048'576,
    .first_burst_length = 262'144,
    .default_time2retain = 0,  // Sessions are not kept for an initiator that lost its connection.
    .max_outstanding_r2t = 8,
};

/// What a HeaderDigest or DataDigest line lets an initiator choose from.
struct DigestChoice {
  bool none = true;
  bool crc32c = true;
  /// The same as the list that a negotiation wants; at least one of both is true.
  constexpr const char* list() const { return none ? (crc32c ? "CRC32C,None" : "None") : "CRC32C"; }
};

/// As many connections as a session may have, whatever MaxConnections says.
inline constexpr std::uint32_t session_connections_max = 16;

/// Where initiators that want to log in to a target are sent instead (RFC 7143 section 11.13.5).
struct Redirection {
  PortalAddress to;
  bool permanent = false;
};

/// A `PortalGroup` line before the first Target: addresses to listen on, by any of which connections
/// may join a session that began by another of them (RFC 7143 section 4.4.1).
struct PortalGroup {
  std::uint16_t tag = 1;
  std::vector<PortalAddress> portals;
  int line = 0;
};

/// A `Target` stanza.
struct TargetConfig {
  std::string name;                                      // in lower case, as it goes on the wire
  std::string alias;                                     // TargetAlias; empty: none
  Accounts accounts;                                     // of its normal sessions
  std::vector<LunConfig> luns;                           // in the file's order
  iscsi::Parameters offered = offered_by_default;        // what we answer in negotiation
  std::uint32_t max_xmit_data_segment_length = 262'144;  // our own limit on what we send
  DigestChoice header_digest;                            // by default the initiator's choice
  DigestChoice data_digest;
  std::uint32_t max_sessions = 0;                        // 0: no limit
  std::uint32_t queued_commands = 128;                   // the CmdSN window
  std::uint32_t nop_interval = 0;                        // seconds; 0: off
  std::uint32_t nop_timeout = 0;  // seconds; 1 to nop_interval when that is on
  std::vector<std::uint16_t> portal_groups;              // by which it is reached; empty: by all
  std::optional<Redirection> redirection;
  int line = 0;
};

/// An ietd.conf, read and found good.
struct Config {
  std::string file;
  Accounts discovery_accounts;  // given before the first Target
  std::vector<PortalGroup> portal_groups;  // empty: one of tag 1, on the addresses of the command line
  std::vector<TargetConfig> targets;
  std::vector<std::string> access_folders;  // where access lists are looked for, the best place first
};

}  // namespace holdfast::target
