#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/tcp_state.h"
#include "initiator/report/session_identity.h"

namespace holdfast::initiator {

/// A command as the target saw it, by its own clock. What has not happened is absent.
struct TargetCommand {
  SessionIdentity session;
  std::uint32_t itt = 0;
  std::uint32_t cmd_sn = 0;
  std::string cdb;      // hexadecimal
  std::string command;  // "WRITE(10)"
  std::string stage;    // memory, data, turn, store, sending, unacknowledged, over
  bool stuck = false;
  bool aborted = false;
  std::uint32_t r2ts_sent = 0, r2ts_open = 0, data_out_wanted = 0, data_out_received = 0;
  Instant received{};
  std::optional<Instant> in_hand, store_started, store_done, sent, acknowledged;
  Instant until{};
  TcpState socket;  // of the connection when it was overdue
};

/// A connection as the target remembers it.
struct TargetConnection {
  struct Silence {
    Instant from{}, to{};
    std::uint32_t exp_cmd_sn = 0;
  };
  /// A ping of the initiator's: when it was sent and answered by the initiator's clock, and when it
  /// came by the target's.
  struct Round {
    Instant sent{}, came{}, answered{};
  };

  SessionIdentity session;
  std::string target;
  Instant session_began{};
  std::optional<Instant> ended;
  Instant heard{};
  std::uint32_t exp_cmd_sn = 0;
  std::vector<Silence> silences;
  std::vector<Round> rounds;
};

/// What `holdfastadm slow --json` printed.
struct TargetDump {
  struct Pause {
    Instant from{}, to{};
  };

  std::string version;
  std::string host;
  std::string boot_id;
  Duration limit{};  // what the target took to be slow
  Instant began{};   // the daemon
  Instant taken{};
  std::int64_t taken_unix_ns = 0;
  std::vector<TargetCommand> commands;
  std::vector<TargetConnection> connections;
  std::vector<Pause> pauses;  // when the daemon did not run
};

/// Errors say what is wrong with it.
Result<TargetDump> target_dump_from_json(std::string_view text);
/// The same from a file; errors name it.
Result<TargetDump> read_target_dump(const std::string& path);

}  // namespace holdfast::initiator
