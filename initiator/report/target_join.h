#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "initiator/report/target_dump.h"
#include "initiator/watch/path_event.h"

namespace holdfast::initiator {

/// An operation whose answer was overdue, as the initiator saw it: times are from the run's start.
struct OverdueOperation {
  std::uint32_t itt = 0;
  std::string cdb;  // hexadecimal; empty if it is not known
  Duration sent{};  // given to the connection
  Duration seen{};  // when it was last seen to be overdue
};

/// What a stretch of time is known by.
enum class ClockBasis : std::uint8_t {
  one_machine,  // both ends read the same clock
  pings,        // round trips that both ends have noted
  wall_clocks,  // which nobody has compared: directions cannot be settled
};

/// How the clocks stand to each other.
struct ClockOffset {
  ClockBasis basis = ClockBasis::wall_clocks;
  Duration run_started{};  // the run's start by the target's clock
  Duration uncertainty{};  // by how much that may be wrong, either way
  std::size_t rounds = 0;  // pings that were looked at
};

/// A moment of an operation's way.
struct JoinedStep {
  bool at_target = false;
  Duration at{};     // from the run's start
  std::string what;
};

struct JoinedOperation {
  OverdueOperation operation;
  std::string words;  // "WRITE(10), ITT 0000001ah"
  bool known_to_target = false;
  std::vector<JoinedStep> steps{};  // in the order of time
};

/// A stall, hang or outage with what both ends saw of it.
struct JoinedEvent {
  std::size_t event = 0;  // its place among the record's
  std::string blame = "unknown";  // by both ends' word: network_out, network_in, backend, …
  std::vector<std::string> because{};
  std::vector<JoinedOperation> operations{};
};

struct TargetJoin {
  std::string target;  // whose dump: "holdfastd 0.1.0 on storage1"
  ClockOffset clock;
  std::string clock_words;
  std::vector<JoinedEvent> events;
};

/// What of a run record it takes to join it with a dump.
struct RunView {
  std::vector<SessionIdentity> sessions;
  Instant started{};  // by the initiator's monotonic clock
  std::string boot_id;
  std::int64_t started_unix_ns = 0;
  Duration time{};
  std::vector<PathEvent> events;
  std::vector<std::vector<OverdueOperation>> overdue;  // of each event
};

/// Of a record's JSON. Errors say what is wrong with it.
Result<RunView> run_view_from_json(std::string_view text);

/// Joins a run with what the target remembers of it. An error says why the dump is not of this run.
/// Pure.
Result<TargetJoin> join_with_target(const RunView& run, const TargetDump& dump);

/// Lines for people, each with its end.
std::string to_text(const TargetJoin& join, const RunView& run);
/// A section of the page.
std::string target_section(const TargetJoin& join, const RunView& run);

}  // namespace holdfast::initiator
