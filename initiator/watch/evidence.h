#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/path_witness.h"
#include "initiator/watch/blame.h"
#include "initiator/watch/case_file.h"
#include "initiator/watch/echo_asker.h"
#include "initiator/watch/evidence_ring.h"
#include "initiator/watch/host_counters.h"
#include "initiator/watch/knocker.h"
#include "initiator/watch/watch.h"

namespace holdfast::initiator {

/// Looks at the path while work is in flight, once a second when all is well and several times a second
/// when an answer is overdue, asks the peer what needs no storage, and bears witness of each stall to the
/// watch. It does nothing per operation.
class Evidence final : public WatchWitness {
 public:
  /// How often somebody looks, and when an answer is thought to be overdue.
  struct Pace {
    Duration quiet = std::chrono::seconds(1);
    Duration overdue = std::chrono::milliseconds(200);
  };

  /// `watch` outlives it and is told that this is its witness.
  Evidence(Loop& loop, Watch& watch);
  ~Evidence() override;
  Evidence(const Evidence&) = delete;
  Evidence& operator=(const Evidence&) = delete;

  /// A device or tree whose path is looked at until it is removed.
  void add(PathWitness& source, const std::string& transport);
  void remove(const PathWitness& source);

  /// After every tick of the watch, while something is in flight.
  void ticked(Instant now);
  /// The work is over: what asks the peer comes to its end.
  Task<void> stop();

  const EvidenceRing& ring() const { return ring_; }

 private:
  Testimony testify(const PathEvent& event, const EpisodeView& episode) override;

  void look(Instant now);
  void gather(EvidenceSample& sample);
  void ask(Instant now, Duration waited);
  void find_door();
  void knock(Instant now, Duration waited);
  void settle(Instant now);
  Testimony put(const StallFrame& frame);
  Testimony of_a_pause(const PathEvent& event) const;
  void note_what_is_stuck(const StallFrame& frame);

  Loop& loop_;
  Watch& watch_;
  const Pace pace_;
  const Duration suspicion_;  // what waits so long is overdue
  const Duration knocks_after_;
  std::vector<PathWitness*> sources_;
  std::string transport_;
  HostCounters counters_;
  EvidenceRing ring_;
  EvidenceSample sample_;  // the one being made
  Knocker knocker_;
  EchoAsker echo_;
  std::optional<PeerDoor> door_;
  Instant last_look_{};
  Instant last_ask_{};
  bool knocked_when_well_ = false;
  bool stopping_ = false;
  std::size_t testified_ = 0;  // events whose samples are kept

  /// The system call that held the stall up which began then; it is told when it has returned, too.
  std::string stuck_in_;
  Instant stuck_since_{};

  /// What has just ended is judged once more, when late answers have had the time to come.
  std::optional<StallFrame> unsettled_;
};

}  // namespace holdfast::initiator
