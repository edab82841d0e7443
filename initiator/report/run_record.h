#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "initiator/device/wire_use.h"
#include "initiator/report/latency_summary.h"
#include "initiator/report/load_figures.h"
#include "initiator/report/session_identity.h"
#include "initiator/watch/path_event.h"
#include "initiator/watch/operation_kind.h"
#include "initiator/watch/timeline.h"
#include "initiator/watch/watch.h"

namespace holdfast::initiator {

/// What the path was found to be; each is worse than the one before.
enum class Verdict : std::uint8_t { steady, stalled, hung, corrupt };

constexpr const char* to_string(Verdict verdict) {
  constexpr const char* names[] = {"steady", "stalled", "hung", "corrupt"};
  return names[static_cast<std::size_t>(verdict)];
}

/// How the work itself ended.
enum class Outcome : std::uint8_t {
  finished,     // all of it was done; single files may have had problems
  failed,       // it could not go on
  hung,         // a hang ended it
  interrupted,  // a signal ended it
};

constexpr const char* to_string(Outcome outcome) {
  constexpr const char* names[] = {"finished", "failed", "hung", "interrupted"};
  return names[static_cast<std::size_t>(outcome)];
}

/// A file that could not be taken as it is, or that came back differently.
struct FileRemark {
  std::string path;
  std::string what;
};

/// Where a run was made.
struct Machine {
  std::string kernel;
  std::string cpu_model;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  std::string boot_id{};  // another one after each start of the machine
};

/// Everything that is told of one run: as text for people, and as the JSON of the run record. The
/// lists of remarks hold the first ones only; the counts count all.
struct RunRecord {
  Verdict verdict = Verdict::steady;

  struct Workload {
    std::string kind;  // "copy", "load"
    std::string source;
    bool verify = false;
    std::string started;  // ISO 8601, UTC
    Instant clock_started{};  // the same by this machine's monotonic clock
    std::string version;
    Duration stall_limit{};
    Duration hang_limit{};
    Outcome outcome = Outcome::finished;
    std::string reason;  // why it did not finish, in words
    int signal = 0;      // that interrupted it
    std::uint64_t problems = 0;
    std::vector<FileRemark> problem_list;
    std::uint64_t mismatches = 0;
    std::vector<FileRemark> mismatch_list;
  } workload;

  Machine machine;
  std::vector<std::string> command_line;  // that made it, without passwords

  struct Destination {
    std::string url;
    std::string transport;
    std::uint64_t bytes = 0;
    std::map<std::string, std::string> negotiated;  // by the session that was the last one
    /// All that the run had, one after the other or side by side, as far as they are of iSCSI.
    std::vector<SessionIdentity> sessions{};
    std::uint64_t sessions_left_out = 0;  // since there were too many to keep
    static constexpr std::size_t sessions_max = 256;

    /// Takes over what a session says of itself.
    void note(std::map<std::string, std::string> facts);
  } destination;

  struct Totals {
    std::uint64_t files = 0;
    std::uint64_t directories = 0;
    std::uint64_t others = 0;
    std::uint64_t links = 0;
    std::uint64_t bytes = 0;  // of files' data
    Duration time{};          // of everything
    Duration copy_time{};
    Duration verify_time{};
    std::uint64_t verified_bytes = 0;
    std::uint64_t operations = 0;  // on the device, successful ones
    std::uint64_t errors = 0;
    WireUse wire;         // of the work itself
    WireUse verify_wire;  // of reading back
    Duration worst_gap{};
    Duration worst_lateness{};  // of our own loop
    std::array<std::uint64_t, event_kinds> events{};
    std::uint64_t events_dropped = 0;
  } totals;

  /// What `cp -a` keeps and the destination cannot carry: by its nature, which is no fault of the run.
  struct LeftOut {
    std::string what;  // "extended attributes"
    std::string why;
    std::uint64_t nodes = 0;  // that had any
  };
  std::vector<LeftOut> left_out;

  /// What went on beside the copy, on the files that it had finished.
  struct Pressure {
    std::uint32_t readers = 0;  // tasks
    std::uint64_t reads = 0;    // successful ones
    std::uint64_t bytes = 0;
    LatencySummary read_latency;
    bool locks = false;
    std::uint64_t locks_shared = 0;  // taken and released
    std::uint64_t locks_exclusive = 0;
    LatencySummary lock_waits;  // from asking to being granted
    std::string locks_refused;  // why there were no more, if the destination said no

    bool any() const { return readers > 0 || locks; }
  } pressure;

  /// What the tool itself took of the processors, so that nobody takes its limits for the path's.
  struct Generator {
    Duration time{};       // of the whole process
    Duration loop_time{};  // of the one thread that drives the path
  } generator;

  /// Of a block load only.
  std::optional<LoadFigures> load;

  LatencySummary latency;
  std::array<LatencySummary, operation_kinds> latency_by_operation;
  std::vector<TimelineRow> timeline;
  std::vector<PathEvent> events;

  std::uint64_t count(EventKind kind) const { return totals.events[static_cast<std::size_t>(kind)]; }
  /// Takes over everything that the watch saw, and judges the path by it.
  void take(const Watch& watch);
  /// Adds a mismatch that verification found, and judges the path by it.
  void add_mismatch(FileRemark remark, Duration at);
  /// The same of a block: the event says when, where and, as its evidence, what.
  void add_mismatch(PathEvent event);
  /// 0 steady and finished · 1 stalled, problems, or failed · 4 hung · 5 corrupt · 128 and the number
  /// of the signal that interrupted the run.
  int exit_code() const;
  /// Processor time of the tool over the run's time: 1 is one processor.
  double generator_share() const;
  /// Its one driving thread had hardly a pause: the path may be able to do more than was seen.
  bool generator_saturated() const;

 private:
  void add_mismatch(PathEvent event, FileRemark remark);
};

}  // namespace holdfast::initiator
