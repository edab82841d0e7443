#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/iscsi/pdu.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "common/runtime/tcp_state.h"
#include "common/runtime/timer.h"
#include "common/scsi/cdb.h"
#include "common/scsi/lun_address.h"
#include "target/lun/stage_times.h"
#include "target/session/clock_rounds.h"

namespace holdfast::target {

/// Where a command is, or was when its connection ended.
enum class CommandStage : std::uint8_t {
  memory,   // it waits for memory, in line with other commands
  data,     // the initiator owes data that was announced or asked for
  turn,     // it waits for other commands
  store,    // the store has it
  sending,  // its answer is on its way into the socket
  unacknowledged,  // the initiator's kernel has not acknowledged all of the answer
  over,     // nothing is left to be done
};
constexpr const char* to_string(CommandStage stage) {
  constexpr const char* names[] = {"memory", "data", "turn", "store", "sending", "unacknowledged", "over"};
  return names[static_cast<std::size_t>(stage)];
}

/// What there is to know of one command apart from its connection.
struct CommandFacts {
  std::uint32_t tag = 0;  // Initiator Task Tag
  std::uint32_t cmd_sn = 0;
  std::uint32_t stat_sn = 0;  // of its response, once that is sent
  scsi::LunAddress lun{};
  scsi::CdbBytes cdb{};
  StageTimes times;
  std::uint32_t data_out_wanted = 0;
  std::uint32_t data_out_received = 0;
  std::uint32_t r2ts_sent = 0;
  std::uint32_t r2ts_open = 0;
  std::uint8_t status = 0;  // SAM status code, once it is answered
  bool aborted = false;     // it was asked to be given up
};

/// A connection's state, and when that was looked at.
struct TcpSample {
  Instant at{};
  TcpState state;
};

/// What is remembered of a connection, for as long as anything speaks of it.
struct ConnectionTrace {
  static constexpr std::size_t silences_max = 16;

  /// Nothing came for at least the limit of what is slow.
  struct Silence {
    Instant from{};
    Instant to{};
    std::uint32_t exp_cmd_sn = 0;  // the CmdSN that the next command was to have, all the time
  };

  std::string initiator;
  iscsi::Isid isid{};
  std::uint16_t tsih = 0;
  std::uint16_t cid = 0;
  std::uint16_t portal_group = 1;
  std::string target;
  SocketAddress peer;
  SocketAddress local;
  Instant session_began{};
  Instant began{};
  Instant ended{};  // zero: it lives
  Instant heard{};  // when something came last
  std::uint32_t exp_stat_sn = 0;  // as the initiator last told: it has had every response before
  std::uint32_t exp_cmd_sn = 0;   // the session's, when the connection ended
  std::deque<Silence> silences;   // the last ones
  ClockRounds clock;
};

/// A command that took longer than the limit, or still does.
struct SlowCommand {
  std::uint64_t serial = 0;  // counts them, from 1
  CommandFacts facts{};
  CommandStage stage = CommandStage::over;
  Instant until{};         // when it was over, or when somebody looked
  Instant acknowledged{};  // about when the answer was, if that alone took longer than the limit
  std::optional<TcpSample> tcp{};  // when it had passed the limit
  std::shared_ptr<const ConnectionTrace> connection{};
};

/// The daemon's memory of what was slow: the last commands that were, and the last connections that
/// ended; and when this process did not run itself, so that nobody else is blamed for that. Bounded.
class FlightRecorder final : private Timer {
 public:
  static constexpr Duration usual_limit = std::chrono::seconds(1);
  static constexpr std::size_t commands_max = 256;
  static constexpr std::size_t connections_max = 32;

  static constexpr std::size_t pauses_max = 32;
  /// How often it is looked at whether we run, while something is under way; and how late is a pause.
  static constexpr Duration tick = std::chrono::milliseconds(100);
  static constexpr Duration pause_min = std::chrono::milliseconds(100);

  /// We were to do something at `from`, and did not until `to`.
  struct Pause {
    Instant from{};
    Instant to{};
  };

  explicit FlightRecorder(Loop& loop, Duration limit = usual_limit) : Timer(loop), limit_(limit) {}

  /// How long a command may take; longer is slow. 0: commands are not timed.
  Duration limit() const { return limit_; }
  void set_limit(Duration limit) { limit_ = limit; }
  bool is_timing() const { return limit_ > Duration(0); }

  void add(SlowCommand command);
  void connection_ended(std::shared_ptr<const ConnectionTrace> connection);
  /// Somebody has something under way, from here on and until `nothing_under_way`.
  void something_under_way() {
    if (under_way_++ == 0 && !armed()) arm(loop().now() + tick);
  }
  void nothing_under_way() { --under_way_; }

  /// Oldest first.
  const std::deque<SlowCommand>& commands() const { return commands_; }
  const std::deque<std::shared_ptr<const ConnectionTrace>>& ended() const { return ended_; }
  const std::deque<Pause>& pauses() const { return pauses_; }
  std::uint64_t pauses_seen() const { return pauses_seen_; }
  /// For how long of that time we did not run, as far as that is remembered.
  Duration paused(Instant from, Instant to) const;
  /// How many there were, also those that are forgotten.
  std::uint64_t commands_added() const { return commands_added_; }
  std::uint64_t connections_ended() const { return connections_ended_; }

 private:
  void expire() override;

  Duration limit_;
  std::size_t under_way_ = 0;
  std::deque<Pause> pauses_;
  std::uint64_t pauses_seen_ = 0;
  std::deque<SlowCommand> commands_;
  std::deque<std::shared_ptr<const ConnectionTrace>> ended_;
  std::uint64_t commands_added_ = 0;
  std::uint64_t connections_ended_ = 0;
};

}  // namespace holdfast::target
