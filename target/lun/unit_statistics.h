#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/histogram.h"
#include "common/scsi/cdb.h"
#include "target/lun/stage_times.h"

namespace holdfast::target {

/// Commands that are counted together.
enum class CommandKind : std::uint8_t {
  read,
  write,  // whatever changes the medium
  flush,  // SYNCHRONIZE CACHE
  other,  // what asks, and what was refused
};
inline constexpr std::size_t command_kinds = 4;
constexpr const char* to_string(CommandKind kind) {
  constexpr const char* names[command_kinds] = {"read", "write", "flush", "other"};
  return names[static_cast<std::size_t>(kind)];
}
CommandKind kind_of(const scsi::Cdb& command);

/// The stretches of a command's way that are measured.
enum class StageSpan : std::uint8_t {
  gather,  // its data, or memory, was on its way
  wait,    // behind other commands: ordered ones, the same blocks, those of a session that it took over
  store,   // until its outcome was known
  send,    // until the kernel had taken the answer
  whole,   // all of it
};
inline constexpr std::size_t stage_spans = 5;
constexpr const char* to_string(StageSpan span) {
  constexpr const char* names[stage_spans] = {"gather", "wait", "store", "send", "whole"};
  return names[static_cast<std::size_t>(span)];
}

/// How a logical unit's commands went, since the unit was made. Percentiles are right to one part
/// in 16. A kind of command takes memory (30 KiB) when the first one of it is over.
class UnitStatistics {
 public:
  /// What a command came to.
  struct End {
    std::uint64_t bytes = 0;  // of data that were moved
    bool answered = false;    // and its answer is with the kernel; otherwise it was aborted
    bool failed = false;      // with another status than GOOD
  };
  struct OfKind {
    static constexpr unsigned precision_bits = 4;
    /// Answered commands.
    std::array<Histogram, stage_spans> times{Histogram(precision_bits), Histogram(precision_bits),
                                             Histogram(precision_bits), Histogram(precision_bits),
                                             Histogram(precision_bits)};
    std::uint64_t bytes = 0;
    std::uint64_t failed = 0;
    std::uint64_t aborted = 0;

    const Histogram& of(StageSpan span) const { return times[static_cast<std::size_t>(span)]; }
  };

  void begun() { ++in_flight_; }
  void ended(CommandKind kind, const StageTimes& times, const End& end);

  std::uint64_t in_flight() const { return in_flight_; }
  /// nullptr: no command of that kind is over.
  const OfKind* of(CommandKind kind) const { return kinds_[static_cast<std::size_t>(kind)].get(); }

 private:
  std::array<std::unique_ptr<OfKind>, command_kinds> kinds_;
  std::uint64_t in_flight_ = 0;
};

}  // namespace holdfast::target
