#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/histogram.h"
#include "initiator/watch/path_event.h"
#include "initiator/watch/file_names.h"
#include "initiator/watch/operation_kind.h"
#include "initiator/watch/timeline.h"

namespace holdfast::initiator {

struct WatchOptions {
  Duration stall = std::chrono::seconds(1);
  Duration hang = std::chrono::seconds(10);
  Duration hiccup = std::chrono::milliseconds(100);
  int hiccup_medians = 10;  // and at least so many times the median gap
  Duration local_pause = std::chrono::milliseconds(100);
  /// How often the limits are looked at, and our own lateness measured, while something is in flight.
  Duration tick = std::chrono::milliseconds(50);
  std::uint32_t slots = 4096;  // operations in flight at once
  /// What is watched are operations on files, told by name and byte, and not blocks.
  bool on_files = false;
  std::size_t events_max = 10'000;
};

/// Who is told at once. Called from within the watch: may ask it questions, not change it.
class WatchListener {
 public:
  virtual ~WatchListener() = default;
  /// A stall has passed its limit, or a stall has become a hang; it is still open.
  virtual void event_opened(const PathEvent& event) = 0;
  /// An event is over.
  virtual void event_ended(const PathEvent& event) = 0;
  /// More is known of its reason: while it lasts, or a moment after it has ended. It may be another reason.
  virtual void event_explained(const PathEvent& event) { static_cast<void>(event); }
};

/// An episode as its witness is told of it.
struct EpisodeView {
  Instant began{};
  Instant now{};
  bool over = false;       // nothing more will be asked of it
  bool succeeded = false;  // because something succeeded again
};

/// Who can see more of an operation that does not come back than the time since it was begun.
class WatchWitness {
 public:
  virtual ~WatchWitness() = default;
  /// What holds the oldest operation up, as far as it is known. Asked when a stall has passed its limit, every
  /// second while it lasts, when it becomes a hang and when it is over; of a broken connection; and of a pause
  /// of our own. May ask the watch questions.
  virtual Testimony testify(const PathEvent& event, const EpisodeView& episode) = 0;
};

/// Every operation in flight with the moment it was due, and the judgement of it: a state machine
/// fed with moments, which never asks for the time itself.
///
/// Two clocks run while something is in flight. The gap is the time since anything succeeded. The
/// head's wait is the time for which the same operation has been the oldest: a queue that is only
/// long keeps changing its head, an operation that the peer has lost does not. When either passes
/// the stall limit an episode begins; it ends when neither does, and becomes a hang on the way if
/// either passes the hang limit. The time by which our own loop was late counts in neither.
class Watch {
 public:
  Watch(const WatchOptions& options, Instant start);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void set_listener(WatchListener* listener) { listener_ = listener; }
  void set_witness(WatchWitness* witness) { witness_ = witness; }
  const WatchOptions& options() const { return options_; }
  Instant start_of_run() const { return start_; }

  /// Names a file for `begin`; 0 stands for the filesystem's own metadata.
  std::uint32_t name_file(std::string name) { return names_.add(std::move(name)); }

  /// An operation that was due at `due` is sent at `now`. Returns its slot. At most
  /// `options.slots` are in flight.
  std::uint32_t begin(OperationKind kind, std::uint64_t lba, std::uint64_t bytes, std::uint32_t file,
                      Instant due, Instant now);
  /// It ended at `now` with 0 or an errno; ECANCELED says that we gave it up ourselves.
  void end(std::uint32_t slot, int error, Instant now);

  /// A reader of finished files had its answer after `latency`; the operations that it took were told
  /// by themselves.
  void completed_for_reader(Duration latency) { timeline_.completed_for_reader(latency); }

  /// When `tick` wants to be called, if at all; what is later than that is our own lateness.
  std::optional<Instant> tick_due() const { return tick_due_; }
  void tick(Instant now);

  /// The connection broke: an event of its own.
  void outage(const std::string& evidence, Instant now);
  /// The witness knows more of the last episode that has ended.
  void amend_last_episode(Testimony testimony);
  /// It broke `lasted` ago and is back: an event of its own, beside what the gap itself comes to.
  void reconnected(Duration lasted, const std::string& evidence, Instant now);
  /// The run is over: what is open is recorded as it stands.
  void finish(Instant now);

  std::uint32_t in_flight_count() const { return in_flight_; }
  /// Everything in flight, oldest first, as of the last call that told the time.
  std::vector<InFlightOperation> in_flight() const;
  /// The gap that is open at `now`, or zero.
  Duration open_gap(Instant now) const;
  Duration worst_gap() const { return worst_gap_; }
  /// The longer of the open gap and the head's wait, as of the last call that told the time.
  Duration longest_wait() const;
  /// The episode that lasts, or null.
  const PathEvent* open_episode() const { return episode_ ? &*episode_ : nullptr; }
  /// By which our own loop was late so far.
  Duration total_lateness() const { return late_total_; }
  /// How many operations have ended so far.
  std::uint64_t operations_ended() const { return ended_; }
  Duration worst_lateness() const { return worst_lateness_; }

  std::uint64_t event_count(EventKind kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  /// What has ended, and the open episode last; at most `events_max` and that one.
  std::vector<PathEvent> events() const;
  std::uint64_t events_dropped() const { return events_dropped_; }
  std::uint64_t errors() const { return errors_; }
  const Timeline& timeline() const { return timeline_; }
  /// From when it was due to its completion, successful ones only.
  const Histogram& latency(OperationKind kind) const {
    return latencies_[static_cast<std::size_t>(kind)];
  }
  Histogram latency_of_all() const;

 private:
  static constexpr std::uint32_t none = 0xffff'ffff;

  /// A moment together with how late our loop had been by then, so that the time since can be told
  /// without our own part in it.
  struct Mark {
    Instant when{};
    Duration late{};
  };

  struct Slot {
    OperationKind kind = OperationKind::read;
    bool used = false;
    std::uint32_t file = 0;
    std::uint32_t older = none;
    std::uint32_t younger = none;
    std::uint64_t lba = 0;
    std::uint64_t bytes = 0;
    Mark due;
    std::string forgotten_name;
  };

  void advance(Instant now);
  void note_lateness(Instant last);
  void judge();
  void open_episode(Duration gap);
  void close_episode(const std::string& evidence, bool succeeded);
  void hear(PathEvent& event, const EpisodeView& episode);
  void hear_again();
  void completed(const Slot& slot);
  void hiccup(Duration gap);
  void count_event(const PathEvent& event);
  void link(std::uint32_t index);
  void unlink(std::uint32_t index);
  void keep_name(std::uint32_t number, const std::string& name);

  Mark mark(Instant when) const { return {when, late_total_}; }
  static const Mark& later(const Mark& a, const Mark& b) { return a.when < b.when ? b : a; }
  Duration since(const Mark& mark) const;
  Duration from_start(Instant when) const { return when - start_; }
  InFlightOperation describe(const Slot& slot) const;

  const WatchOptions options_;
  const Instant start_;
  WatchListener* listener_ = nullptr;
  WatchWitness* witness_ = nullptr;
  FileNames names_;

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::uint32_t oldest_ = none;
  std::uint32_t youngest_ = none;
  std::uint32_t in_flight_ = 0;

  Instant now_;
  std::optional<Instant> tick_due_;
  Duration late_total_{};
  Duration worst_lateness_{};
  Mark last_progress_;
  Mark head_since_;
  Duration worst_gap_{};

  std::optional<PathEvent> episode_;
  Mark episode_began_;
  Instant heard_at_{};
  std::optional<std::size_t> last_episode_;  // its place in `events_`
  std::vector<PathEvent> events_;
  std::array<std::uint64_t, event_kinds> counts_{};
  std::uint64_t events_dropped_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t ended_ = 0;

  Timeline timeline_;
  Histogram gaps_;
  std::array<Histogram, operation_kinds> latencies_;
};

}  // namespace holdfast::initiator
