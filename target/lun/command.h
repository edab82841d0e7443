#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <sys/uio.h>

#include "common/scsi/cdb.h"
#include "common/scsi/lun_address.h"
#include "target/lun/conditions.h"
#include "target/lun/limits.h"
#include "target/lun/range_locks.h"
#include "target/lun/reservation_rules.h"
#include "target/lun/stage_times.h"
#include "target/lun/unit_statistics.h"
#include "target/store/store.h"

namespace holdfast::target {

class LogicalUnit;
struct NexusState;

/// An I_T nexus as logical units know it: one initiator port and one session of it. The session
/// owns it; it outlives every command that names it.
struct Nexus {
  std::string initiator_name;
  std::array<std::uint8_t, 6> isid{};
  std::uint16_t target_portal_group = 1;
  /// A small number that is unique among live nexuses of the daemon, for tables.
  std::uint32_t index = 0;
};

/// The nexus by what registrations of persistent reservations are made of.
NexusName name_of(const Nexus& nexus);

/// Which way a command's data goes and how much of it there is to move if the initiator has room
/// for all: at most `transfer_bytes_max`.
struct Transfer {
  enum class Direction : std::uint8_t { none, in, out };
  Direction direction = Direction::none;
  std::uint32_t bytes = 0;
};

/// What a command came to.
struct Outcome {
  static constexpr std::size_t sense_bytes_max = 96;

  std::uint8_t status = 0;  // SAM status code: 0 GOOD, 2 CHECK CONDITION, …
  std::uint8_t sense_bytes = 0;
  std::array<std::uint8_t, sense_bytes_max> sense{};
  /// Bytes of data-in that are in the command's memory, from its start; the session sends no more
  /// of them than the initiator expects.
  std::uint32_t data_in_bytes = 0;
  /// The command was aborted: it has left the medium alone for good, and nothing is to be sent.
  bool aborted = false;
};

/// One SCSI command in its slot, from its CDB to its outcome. The session fills the first part in,
/// the device server the rest; no command costs an allocation.
///
///   begin ── Transfer ──> the session finds memory, collects data-out ──> execute ──> done
///
/// An abort or reset may call `done` at any point after `begin`, also while the session still
/// collects data; `done` is never called from inside `begin`, `execute` or `abort`.
class Command : public Deferred {
 public:
  // From the session.
  Nexus* nexus = nullptr;
  scsi::LunAddress lun{};
  scsi::CdbBytes cdb{};
  std::uint16_t cdb_bytes = scsi::cdb_bytes_in_header;  // that came, also beyond those of `cdb`
  std::uint8_t attribute = 0;  // 0 untagged, 1 simple, 2 ordered, 3 head of queue, 4 ACA
  /// Memory for `min(Transfer::bytes, expected length)`, rounded up to `block_bytes_max` at least:
  /// a medium moves whole blocks, also when the initiator expects a part of one. For data-out its
  /// first `data_out_bytes` are filled. The device server may change the entries.
  std::span<iovec> vectors;
  std::uint32_t data_out_bytes = 0;
  /// How much the initiator meant to send: for data-out its Expected Data Transfer Length.
  std::uint32_t data_out_expected = 0;
  /// The session's word back. The command may be used for another one from inside it.
  void (*done)(Command&) = nullptr;
  void* owner = nullptr;
  /// Whoever has the command stamps what he sees.
  StageTimes times;

  // From the device server.
  Outcome outcome;
  CommandKind kind = CommandKind::other;
  /// Where the command is counted, if it is; they outlive the unit.
  std::shared_ptr<UnitStatistics> statistics;
  bool counted = false;

  /// It is executed, and the store has a request of it.
  bool is_in_store() const { return store_request_.submitted(); }
  /// It has to wait for other commands.
  bool waits_for_others() const { return state_ == State::waiting || range_lock_.waiting(); }

 private:
  friend class LogicalUnit;
  friend class ScsiTarget;
  friend class TaskSet;
  void run() override;

  enum class State : std::uint8_t {
    idle,
    begun,      // the session collects its data
    waiting,    // in the task set, behind commands that come first
    executing,  // the store may touch the medium
    answering,  // `outcome` is there, `done` follows
  };
  State state_ = State::idle;
  bool abort_wanted_ = false;
  LogicalUnit* unit_ = nullptr;        // nullptr: the LUN names none
  NexusState* nexus_state_ = nullptr;  // the unit's, for this nexus
  Command* older_ = nullptr;           // in the task set
  Command* newer_ = nullptr;
  std::uint64_t serial_ = 0;  // counts the unit's commands
  scsi::Cdb meaning_;
  std::uint32_t transfer_bytes_ = 0;
  /// The condition that the outcome tells of. It comes back if the command is aborted.
  std::optional<Condition> told_;
  StoreRequest store_request_;
  /// Of one that takes several steps: the request of the step that it is at, where an abort may cut
  /// that short.
  StoreRequest* step_ = nullptr;
  RangeLock range_lock_;  // of READ and WRITE
};

}  // namespace holdfast::target
