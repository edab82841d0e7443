#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/scsi/copy_list.h"
#include "common/scsi/lun_address.h"
#include "target/lun/command.h"
#include "target/lun/logical_unit.h"

namespace holdfast::target {

/// A SCSI target device: logical units by number, and the answers that are given where there is
/// none (REPORT LUNS, INQUIRY with peripheral qualifier 3, LOGICAL UNIT NOT SUPPORTED).
class ScsiTarget {
 public:
  explicit ScsiTarget(std::string iqn);
  ~ScsiTarget();
  ScsiTarget(const ScsiTarget&) = delete;
  ScsiTarget& operator=(const ScsiTarget&) = delete;

  const std::string& iqn() const;
  /// Adds a unit, by its number, which no other of them has.
  void add(std::unique_ptr<LogicalUnit> unit);
  /// The unit with that number, or nullptr.
  LogicalUnit* find(std::uint32_t number);
  /// The unit that an EXTENDED COPY names, or nullptr; also where it names several.
  LogicalUnit* find(const scsi::CopyTarget& named);
  /// Takes a unit out: no new command finds it. It stays with the target, which aborts and resets
  /// what it still has, until `release`, which only one that has drained may see.
  LogicalUnit& retire(std::uint32_t number);
  std::unique_ptr<LogicalUnit> release(LogicalUnit& retired);
  /// After units were added or retired: every nexus is told, once.
  void luns_changed();

  /// A nexus came: its power-on unit attention stands on every unit. `left` forgets it; none of its
  /// commands is alive by then.
  void nexus_joined(Nexus& nexus);
  void nexus_left(Nexus& nexus);

  /// Decodes the CDB, enters the command in its unit's task set, and says what data it moves. A bad
  /// CDB moves none; `execute` then answers with its sense.
  Transfer begin(Command& command);
  /// Runs a begun command on the memory in `command.vectors`; `done` follows.
  void execute(Command& command);
  /// ABORT TASK (SAM-5 7.2): `done` follows with `outcome.aborted` when the command can no longer
  /// touch the medium.
  void abort(Command& command);
  /// Before that, where the nexus goes on without the connection that the command came by: its next
  /// command to the unit is told.
  void ends_with_connection(Command& command);
  /// LOGICAL UNIT RESET (SAM-5 7.7) of the unit that `lun` names: aborts its whole task set, brings
  /// the unit attention to every nexus, also the one that asked, ends what was reserved by RESERVE,
  /// and calls `finished` when no aborted command can touch the medium any more. Returns false if
  /// there is no such unit.
  bool reset_logical_unit(const scsi::LunAddress& lun, std::function<void()> finished);

  /// ABORT TASK SET (SAM-5 7.3) of that nexus, and CLEAR TASK SET (7.5), which is the same where each
  /// nexus has a task set of its own (TST=001b). `finished` as above; false if there is no such unit.
  bool abort_task_set(const scsi::LunAddress& lun, const Nexus& nexus,
                      std::function<void()> finished);
  /// TARGET RESET: LOGICAL UNIT RESET of every unit. `finished` follows when all are through with it.
  void reset(std::function<void()> finished);

  /// Stops what units do by themselves, and calls `finished` when nothing of it is under way any
  /// more. No command is alive by then.
  void rest(std::function<void()> finished);
  /// Brings onto the media what volatile caches hold, and calls `finished` when no unit's store is
  /// at work any more; where there is nothing to wait for, from inside. No command is alive by
  /// then. A failure is logged.
  void flush(std::function<void()> finished);

 private:
  struct State;
  /// Starts something on every unit, and calls `finished` when it has ended on all of them.
  void on_every_unit(const std::function<void(LogicalUnit&, std::function<void()>)>& begin,
                     std::function<void()> finished);
  LogicalUnit* find(const scsi::LunAddress& lun);

  std::unique_ptr<State> state_;
};

}  // namespace holdfast::target
