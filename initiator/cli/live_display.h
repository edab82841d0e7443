#pragma once

#include <deque>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/runtime/timer.h"
#include "initiator/watch/watch.h"
#include "initiator/workload/progress.h"

namespace holdfast::initiator {

/// How fast a workload goes.
struct Pace {
  double bytes = 0;    // a second
  double entries = 0;  // a second
  std::chrono::seconds left{-1};  // negative when nobody knows
};

/// One line about where a workload stands, without colour or control characters. What tells least is
/// left out until the line fits into `columns`.
std::string progress_line(const Progress& progress, const Watch& watch, Instant now, const Pace& pace,
                          std::size_t columns);

/// What is shown on standard error while a workload runs: on a terminal a line that is kept up to
/// date, elsewhere a line now and then; and every event when it happens. It never waits for a
/// terminal or a reader that does not take the text: then lines are left out.
class LiveDisplay final : private Timer {
 public:
  enum class Style { none, plain, terminal };
  /// None if `quiet`, else by what standard error is.
  static Style style_for(bool quiet);

  LiveDisplay(Loop& loop, Style style, const Progress& progress, const Watch& watch);
  ~LiveDisplay();

  /// An event began, went on to be a hang, or is over.
  void show(const PathEvent& event);
  /// Says what more is known of an event's reason.
  void explain(const PathEvent& event);
  /// A line of its own.
  void say(std::string_view text);
  /// Nothing is shown any more but events.
  void end_progress();

 private:
  void expire() override;
  void note_progress(Instant now);
  Pace pace(Instant now) const;
  std::chrono::seconds left(const Pace& pace, Instant now) const;
  void clear();

  const Style style_;
  const Progress& progress_;
  const Watch& watch_;
  std::deque<std::pair<Instant, std::uint64_t>> history_;  // bytes done, of the last seconds
  std::deque<std::pair<Instant, std::uint64_t>> entries_;
  Progress::Phase phase_ = Progress::Phase::looking;
  Instant last_plain_;
  bool line_shown_ = false;
};

}  // namespace holdfast::initiator
