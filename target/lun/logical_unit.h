#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/scsi/geometry.h"
#include "common/scsi/identity.h"
#include "common/scsi/log_pages.h"
#include "common/scsi/mode.h"
#include "common/scsi/port_groups.h"
#include "target/lun/atomic_journal.h"
#include "target/lun/background_flush.h"
#include "target/lun/command.h"
#include "target/lun/copy_results.h"
#include "target/lun/limits.h"
#include "target/lun/lun_inventory.h"
#include "target/lun/medium_job.h"
#include "target/lun/nexus_state.h"
#include "target/lun/parameter_data.h"
#include "target/lun/range_locks.h"
#include "target/lun/readiness.h"
#include "target/lun/record_keeper.h"
#include "target/lun/reservations.h"
#include "target/lun/room_watch.h"
#include "target/lun/steps.h"
#include "target/lun/work_buffers.h"
#include "target/store/store.h"

namespace holdfast::target {

class ScsiTarget;
class UnitVisit;

/// What a logical unit is made with, besides its store.
struct LogicalUnitOptions {
  std::uint32_t number = 0;
  std::string target_name;  // the IQN
  std::uint16_t target_portal_group = 1;
  /// All portal groups by which the target is reached: each is a target port of it.
  std::vector<std::uint16_t> target_ports{1};
  std::uint32_t block_bytes = 512;
  bool write_back = false;    // WCE=1, on the medium when flushed; otherwise before GOOD
  bool read_only = false;     // write protected, whatever the store can do
  bool thin = false;          // blocks can be unmapped (LBPME=1)
  bool removable = false;     // the medium can be ejected (RMB=1)
  std::uint32_t physical_block_bytes = 0;  // 0: the store's
  std::uint16_t rotation_rate = 1;         // as VPD page B1h has it
  std::uint32_t transfer_bytes = transfer_bytes_max;  // the most that one command moves
  std::string vendor;    // at most 8 characters of printable ASCII; empty: ours
  std::string product;   // at most 16
  std::string revision;  // at most 4
  std::optional<std::array<std::uint8_t, 8>> wwn;  // an NAA designator; absent: derived
  std::string scsi_id;        // at most 16 characters of printable ASCII; empty: derived
  std::string serial_number;  // at most 32 characters of printable ASCII; empty: the ScsiId
};

/// A direct access block device (SBC-3) on a store: the device server and its task sets. There is
/// one for each I_T nexus (TST=001b), so that no initiator's ordered commands hold up another's.
///
/// All of it belongs to one loop. `ScsiTarget` finds the unit that a command is for.
class LogicalUnit {
 public:
  /// Fails, in words for the user, on options that do not fit together or do not fit the store.
  static Result<std::unique_ptr<LogicalUnit>> create(std::unique_ptr<Store> store,
                                                     LogicalUnitOptions options);
  /// No command is in it, and no flush under way.
  ~LogicalUnit();
  LogicalUnit(const LogicalUnit&) = delete;
  LogicalUnit& operator=(const LogicalUnit&) = delete;

  std::uint32_t number() const { return number_; }
  const scsi::Identity& identity() const { return identity_; }
  const scsi::Geometry& geometry() const { return geometry_; }
  bool write_cache_enabled() const { return write_cache_enabled_; }
  const UnitStatistics& statistics() const { return *statistics_; }
  /// They outlive the unit.
  std::shared_ptr<const UnitStatistics> shared_statistics() const { return statistics_; }
  bool write_protected() const { return write_protected_ || mode_.software_write_protect; }
  Store& store() { return *store_; }

  /// Calls `finished` when the commands that are in it now have left, for a unit that gets no new ones.
  void drain(std::function<void()> finished);
  /// Stops what goes on by itself, for a restart to go on with, and calls `finished` when nothing of
  /// it is under way any more; where nothing is, from inside.
  void rest_and_tell(std::function<void()> finished);
  /// The same, and all that was written is on the medium.
  void flush_and_tell(std::function<void()> finished);
  /// The store has that many bytes now, more than before: every nexus is told.
  void grow(std::uint64_t bytes);
  /// Brings the ports of that portal group, or all, to a state: not by an initiator's command, so
  /// every nexus is told. False if there is no such group.
  bool change_access(std::optional<std::uint16_t> portal_group, scsi::AccessState state);
  /// Ends the unit, and leaves its store.
  static std::unique_ptr<Store> dissolve(std::unique_ptr<LogicalUnit> unit);

  /// Before the unit is served: saved mode pages, and formatting or sanitizing that is at work, are
  /// kept in `file` from here on, and those in `content`, which it holds now, come back. Fails on
  /// content that is not to be believed. nullptr: `content` is looked at and nothing is kept.
  Status keep_record(std::unique_ptr<StateFile> file, std::string_view content);

  /// Before the unit is served: from here on intents of atomic writes are kept in `file`, and what
  /// one in `content`, which it holds now, left half done is put right when the unit is served. To
  /// be called for `AtomicJournal::files_max` files; without, atomic writes are kept small. Fails on
  /// content that is not to be believed. nullptr: `content` is looked at and nothing is kept.
  Status keep_intents(std::unique_ptr<StateFile> file, std::string_view content) {
    return journal_.keep_in(std::move(file), content);
  }

  /// Before the unit is served: from here on its persistent reservations are kept in `file` if an
  /// initiator asks for that (APTPL), and those in `content`, which the file holds now, come back.
  /// Fails, in words for the user, on content that is not to be believed.
  Status keep_reservations(std::unique_ptr<StateFile> file, std::string_view content) {
    return reservations_.keep_in(std::move(file), content);
  }

 private:
  friend class Command;
  friend class ScsiTarget;
  friend class UnitVisit;
  struct Admission;
  struct Execution;
  struct MultiStep;

  LogicalUnit(std::unique_ptr<Store> store, const LogicalUnitOptions& options);

  /// Commands follow: goes on with what a restart has interrupted.
  void serve(const LunInventory& inventory);
  // What ScsiTarget passes on; see there.
  Transfer begin(Command& command);
  void execute(Command& command);
  void abort(Command& command);
  void reset(std::function<void()> finished);
  void abort_task_set(const Nexus& nexus, std::function<void()> finished);
  void forget(const Nexus& nexus);
  void raise(Condition condition);
  void told(const Nexus& nexus, Condition condition);

  NexusState& state_of(const Nexus& nexus);
  Transfer admit(Command& command);
  void start(Command& command);
  void answer(Command& command, const Outcome& outcome);
  void finish(Command& command);
  void command_left(const NexusState& nexus, std::uint64_t serial);
  void tell_finished_clearances();

  // The medium.
  void start_read(Command& command, const scsi::Read& read);
  void start_write(Command& command, const scsi::Write& write);
  void start_flush(Command& command, bool immediate);
  void submit(Command& command, StoreOperation operation);
  /// Submits the command's request as soon as its blocks are free.
  void submit_when_free(Command& command, RangeLock::Mode mode, StoreOperation operation);
  template <typename Asked>
  void start_steps(Command& command, const Asked& asked);
  Shell take_steps(Command& command, Task<Outcome> work);
  Outcome check_condition(const scsi::Sense& sense) const;

  // Commands about the unit itself: unit_control.cc. No outcome: it follows.
  std::optional<Outcome> take_list(Command& command, const scsi::ModeSelect& asked,
                    std::span<const std::uint8_t> list);
  std::optional<Outcome> take_list(Command& command, const scsi::SetTargetPortGroups& asked,
                    std::span<const std::uint8_t> list);
  void set_mode(const Command& by, const scsi::ModeValues& values);
  void load_or_eject(Command& command, const scsi::StartStopUnit& asked);
  /// Fits the command's vectors to the data-out that came. False if that answered it already.
  bool takes_data_out(Command& command);
  std::optional<std::uint64_t> lba_of(StoreOperation operation, std::uint64_t offset) const;
  void store_is_done(Command& command);
  void count(const Command& command, StoreOperation operation);
  void background_flush_failed(int error);
  /// So many bytes: whether there is room for more may have to be looked at.
  void wrote(std::uint64_t bytes) {
    if (room_ != nullptr) room_->wrote(bytes);
  }
  void soft_threshold_reached();

  // Reservations: reserving.cc.
  /// Refuses a command that reservations keep out.
  bool conflicts(const Command& command) const;
  void start_reserve(Command& command);
  void start_release(Command& command);
  /// The data of the command as it is now.
  std::vector<std::uint8_t> reservation_data(const scsi::PersistentReserveIn& asked) const;
  void start_reserve_out(Command& command, const scsi::PersistentReserveOut& asked);
  void reserve_out_is_done(Command& command, const ReservationVerdict& verdict,
                           const scsi::PersistentReservations& before);
  void tell_of_change(const Command& by, const ReservationChange& change,
                      const scsi::PersistentReservations& before);
  void abort_preempted(Command& by, const ReservationChange& change,
                       const scsi::PersistentReservations& before);

  scsi::CommandSet command_set() const { return {.thin = thin_, .removable = removable_}; }
  scsi::ModeParameters mode_parameters() const;
  bool is_ready() const {
    return medium_loaded_ && !job_.plan() && every_port_is_active_;
  }
  Readiness readiness(const Nexus& nexus) const;
  bool is_ready_for(const Nexus& nexus) const {
    return medium_loaded_ && !job_.plan() &&
           readiness(nexus).access <= scsi::AccessState::active_non_optimized;
  }
  AtomicLimits atomic_limits() const;
  void set_port_groups(std::vector<scsi::PortGroup> groups);
  /// What REQUEST SENSE tells when nothing else stands.
  scsi::Sense polled_sense() const;
  /// Tells every nexus but the one that did it.
  void raise_for_others(const Command& by, Condition condition);
  void save_record();
  bool removal_prevented() const;
  UnitDescription description(const Nexus& nexus) const;

  /// Calls `finished` when every command that was there when it began has left: of one nexus, or of
  /// all of them.
  struct Clearance {
    const NexusState* nexus = nullptr;
    std::uint64_t serial_max = 0;
    std::size_t commands_left = 0;
    bool counts_visits = false;  // among the commands
    std::function<void()> finished;
  };
  /// Aborts the nexus's commands but `except`.
  void clear(NexusState& nexus, Clearance& clearance, const Command* except = nullptr);
  /// Turns its visits away, or those of all nexuses.
  void clear_visits(const NexusState* nexus, Clearance& clearance);
  void visit_left(const NexusState& nexus, std::uint64_t serial);
  void one_left(Clearance& clearance);
  void wait_for(Clearance clearance);
  class ClearanceNotice final : public Deferred {
   public:
    explicit ClearanceNotice(LogicalUnit& unit) : unit_(unit) {}

   private:
    void run() override { unit_.tell_finished_clearances(); }
    LogicalUnit& unit_;
  };

  const std::uint32_t number_;
  std::unique_ptr<Store> store_;
  const scsi::Identity identity_;
  scsi::Geometry geometry_;
  const bool write_protected_;
  const bool write_cache_enabled_;
  const bool thin_;
  const bool removable_;
  const std::uint16_t rotation_rate_;
  const std::uint32_t transfer_bytes_max_;
  scsi::ModeValues mode_;
  std::optional<scsi::ModeValues> saved_mode_;  // absent: none can be saved
  bool medium_loaded_ = true;
  std::vector<scsi::PortGroup> port_groups_;
  bool every_port_is_active_ = true;
  scsi::LogCounters counters_;
  std::unique_ptr<RecordKeeper> record_;
  CopyResults copy_results_;
  /// The target's, from `ScsiTarget::add` on.
  const LunInventory* inventory_ = nullptr;
  ScsiTarget* target_ = nullptr;

  const std::shared_ptr<UnitStatistics> statistics_ = std::make_shared<UnitStatistics>();
  std::vector<std::unique_ptr<NexusState>> nexus_states_;  // by Nexus::index
  std::uint64_t commands_begun_ = 0;
  std::vector<Clearance> clearances_;
  std::vector<UnitVisit*> visits_;
  ClearanceNotice clearance_notice_;
  Reservations reservations_;
  RangeLocks locks_;
  WorkBuffers buffers_;
  AtomicJournal journal_;
  MediumJob job_;
  std::optional<JobPlan> interrupted_job_;  // until the unit is served
  BackgroundFlush background_flush_;
  std::unique_ptr<RoomWatch> room_;  // nullptr: it has all its room, or nobody can tell
};

}  // namespace holdfast::target
