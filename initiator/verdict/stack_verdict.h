#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "initiator/verdict/stack_timers.h"

namespace holdfast::initiator {

/// One time for which a path did not hold still.
struct PathGap {
  Duration at{};      // from the start of the run
  Duration lasted{};  // at least so long, if it was still open when the run ended
  bool silent = true;  // nothing came from the peer, or it is not known that anything did
};

/// What one run showed of a path, from one end of it.
struct PathHistory {
  std::string transport;  // "iscsi", "nbd", "nfs", "file", "dir"
  Duration watched{};     // how long it was looked at with work in flight
  Duration worst_gap{};   // between two completions while anything was in flight
  Duration worst_wait{};  // of one operation, answered or not
  std::vector<PathGap> gaps;  // that reached `listed_from`, in order
  Duration listed_from{};     // what was shorter shows in `worst_gap` alone
};

/// How near a timer was to acting: the limit over the worst that was seen.
enum class StackOutcome : std::uint8_t {
  good,      // ten times as long
  ok,        // four times
  thin,      // twice
  is_unsafe,  // less than twice, or a heartbeat sent at the worst moment would have come too late
  acted,     // it would have acted in this run
  never,     // it has no limit
};

constexpr const char* to_string(StackOutcome outcome) {
  constexpr const char* names[] = {"good", "ok", "thin", "unsafe", "acts", "never"};
  return names[static_cast<std::size_t>(outcome)];
}

struct StackVerdict {
  const StackTimer* timer = nullptr;
  StackOutcome outcome = StackOutcome::good;
  /// The run was too short to show what the timer would meet in the field: nothing good is proven.
  bool unproven = false;
  Duration worst{};            // of what feeds it
  std::optional<double> margin;  // none where nothing was waited for, or there is no limit
  bool warned = false;         // what is milder than the action would have come
  std::optional<Duration> acted_at;  // from the start of the run, where that is known
};

/// A run shorter than this proves nothing good of a timer: drivers that lose traffic do it after
/// minutes, multicast groups age within 260 s, and a timer needs twice its own time to be seen at work.
Duration least_run(const StackTimer& timer);

/// The verdict on every timer that can stand on that transport, in the order in which they would act.
std::vector<StackVerdict> judge_stacks(const PathHistory& history);

}  // namespace holdfast::initiator
