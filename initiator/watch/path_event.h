#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/tcp_state.h"
#include "initiator/watch/operation_kind.h"

namespace holdfast::initiator {

/// What can be told of a path that did not hold still. A gap is the time between two successful
/// completions while something was in flight, less the time by which our own loop was late.
enum class EventKind : std::uint8_t {
  hiccup,       // a gap of at least 100 ms and ten times the median, but short of a stall
  stall,        // nothing, or not the oldest operation, completed for the stall limit; later it did
  hang,         // it did not within the hang limit, or not before the run ended
  outage,       // the connection to the peer broke
  local_pause,  // our own loop was late by more than 100 ms: never counted against the path
  mismatch,     // what was read back is not what was written
  reconnect,    // the connection broke and came back: `lasted` is the time between
};

inline constexpr std::size_t event_kinds = 7;

constexpr const char* to_string(EventKind kind) {
  constexpr const char* names[event_kinds] = {"hiccup", "stall",       "hang",
                                              "outage", "local_pause", "mismatch", "reconnect"};
  return names[static_cast<std::size_t>(kind)];
}

/// An operation that was in flight when somebody looked.
struct InFlightOperation {
  OperationKind kind = OperationKind::read;
  /// Where: the LBA, or, for an operation on a file, the byte in it.
  std::uint64_t lba = 0;
  std::uint64_t bytes = 0;
  std::string file;  // empty for the filesystem's own metadata
  Duration age{};    // from the moment it was due
  bool on_file = false;
};

/// One look at the connection that owes the oldest answer, as it stands in a record.
struct PathSample {
  Duration at{};               // from the start of the run
  std::uint32_t connection = 0;  // which one; 0: none
  TcpState tcp;
  std::uint32_t owed = 0;     // requests that it owes an answer to
  std::uint32_t waiting = 0;  // that wait with us
  bool window_closed = false;
  std::uint64_t oldest_tag = 0;  // ITT, handle or XID
  Duration oldest_age{};
  std::vector<std::uint8_t> oldest_cdb;
  std::uint32_t cmd_sn = 0, exp_cmd_sn = 0, max_cmd_sn = 0, stat_sn = 0, r2ts = 0;  // 0: not known
  std::uint32_t data_out_bytes = 0;  // that we still owe to R2Ts
  Duration ping_open{};  // for how long a NOP-Out has had no answer
  Duration loop_late{};  // ours, since the run began
};

/// What is known of the reason of an episode.
struct Testimony {
  std::string blame = "unknown";
  std::string peer;      // busy or dead, in a word: "answers", "kernel_only", "silent", "closed"; empty: not asked
  std::string evidence;  // what led there, in sentences
  std::string more;      // what would tell more
  std::vector<PathSample> samples;
};

/// One episode, however many operations it held up.
struct PathEvent {
  EventKind kind = EventKind::hiccup;
  Duration at{};      // when it began, from the start of the run
  Duration lasted{};  // so far, while it is open
  bool open = false;
  /// Whether `operation` says which one was the oldest in flight.
  bool has_operation = false;
  InFlightOperation operation;
  /// By how much our own loop was late while it lasted; already taken off `lasted`.
  Duration loop_late{};
  std::string blame = "unknown";
  std::string peer;  // as in `Testimony`, as are the next three
  std::string evidence;
  std::string more;
  std::vector<PathSample> samples;
  /// Everything that was in flight: at a hang only.
  std::vector<InFlightOperation> in_flight;
};

}  // namespace holdfast::initiator
