#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/iscsi/parameters.h"

namespace holdfast::target {

enum class LunType : std::uint8_t { fileio, blockio, nullio };

enum class IoMode : std::uint8_t {
  write_through,  // wt: on the medium before GOOD
  write_back,     // wb: WCE=1, flushed by SYNCHRONIZE CACHE and FUA
  read_only,      // ro
};

/// A `Lun` line.
struct LunConfig {
  std::uint32_t number = 0;
  LunType type = LunType::fileio;
  IoMode mode = IoMode::write_through;
  std::string path;                          // empty for nullio
  std::optional<std::uint32_t> block_bytes;  // BlockSize=; by default 512, or the device's own
  std::optional<std::uint64_t> blocks;       // Blocks= or Sectors=, for nullio
  std::string scsi_id;                       // ScsiId=; empty: derived from the IQN and the number
  std::string scsi_sn;                       // ScsiSN=; empty: derived from the ScsiId
  int line = 0;                              // where it stands in the file
};

/// A `Target` stanza.
struct TargetConfig {
  std::string name;
  std::string alias;
  std::vector<LunConfig> luns;
  iscsi::Parameters offered;                                // what we answer in negotiation
  std::uint32_t max_xmit_data_segment_length = 262'144;     // our own limit on what we send
  std::uint32_t max_sessions = 0;                           // 0: no limit
  std::uint32_t queued_commands = 32;                       // the CmdSN window
  std::uint32_t nop_interval = 0;                           // seconds; 0: off
  std::uint32_t nop_timeout = 0;                            // seconds
  int line = 0;
};

/// An ietd.conf, read and found good.
struct Config {
  std::string file;
  std::vector<TargetConfig> targets;
};

/// Something to say about one line: an error stops the start, a warning does not.
struct Diagnostic {
  enum class Severity : std::uint8_t { error, warning, note };
  Severity severity = Severity::error;
  std::string file;
  int line = 0;  // 0: the file as a whole
  std::string message;

  /// "FILE:LINE: error: message".
  std::string to_string() const;
};

}  // namespace holdfast::target
