#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
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
};

inline constexpr std::size_t event_kinds = 6;

constexpr const char* to_string(EventKind kind) {
  constexpr const char* names[event_kinds] = {"hiccup", "stall",       "hang",
                                              "outage", "local_pause", "mismatch"};
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
  std::string evidence;
  /// Everything that was in flight: at a hang only.
  std::vector<InFlightOperation> in_flight;
};

}  // namespace holdfast::initiator
