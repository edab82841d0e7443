#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/scsi/persistent_reservations.h"
#include "target/lun/reservation_access.h"
#include "target/lun/reservation_rules.h"
#include "target/store/state_file.h"

namespace holdfast::target {

struct Nexus;
struct NexusState;

/// A PERSISTENT RESERVE OUT command on its way through `Reservations`.
struct ReserveOutJob {
  scsi::PersistentReserveOut command;
  scsi::ReserveOutParameters parameters;
  NexusName nexus;
  /// Asked when its turn comes; if not, it is dropped without an effect.
  std::function<bool()> is_wanted;
  /// What it came to. A change has taken place by then, and is kept if it must be. `before` is the
  /// state that the change was made on. Not called for a dropped one.
  std::function<void(const ReservationVerdict&, const scsi::PersistentReservations& before)> done;
  /// It was dropped.
  std::function<void()> dropped;
};

/// The reservations of one logical unit: persistent ones, and the one of RESERVE. Persistent ones
/// change one command at a time; where they outlive the daemon (APTPL), the new state is on the
/// medium before it counts.
class Reservations {
 public:
  /// `target_ports`: the RELATIVE TARGET PORT IDENTIFIERs through which the unit is reached.
  Reservations(std::string target_name, std::uint32_t lun, std::vector<std::uint16_t> target_ports);
  /// No job is under way by then.
  ~Reservations();
  Reservations(const Reservations&) = delete;
  Reservations& operator=(const Reservations&) = delete;

  /// From here on they are kept in `file`, which holds `content` now: what it says comes back.
  /// Fails, and changes nothing, if that is not to be believed.
  Status keep_in(std::unique_ptr<StateFile> file, std::string_view content);

  /// Nobody has the unit to itself: what every command asks first, and mostly all that it asks.
  bool none_stands() const { return none_stands_; }
  /// Whether a command of that nexus may run. SPC-4 5.13.1.
  bool may_run(scsi::ReservationClass command, const scsi::CdbBytes& cdb,
               const NexusState& nexus) const;

  const scsi::PersistentReservations& persistent() const { return persistent_; }
  bool can_persist() const { return file_ != nullptr; }
  Standing standing_of(const NexusName& nexus) const;
  /// Carries the job out when those before it are through.
  void carry_out(ReserveOutJob job);

  /// RESERVE and RELEASE (SPC-2 7.17 to 7.22, SPC-4 5.13.3); false: RESERVATION CONFLICT.
  bool reserve(const NexusState& nexus);
  bool release(const NexusState& nexus);
  /// The nexus is gone: what it had by RESERVE is free.
  void forget(const NexusState& nexus);
  /// The unit was reset: what anybody had by RESERVE is free.
  void reset();

 private:
  /// SPC-4 5.13.3: whom the persistent reservation serves needs no RESERVE, and is told GOOD.
  bool is_served(const NexusState& nexus) const;
  void work();
  void settle(const ReserveOutJob& job, ReservationVerdict verdict);
  void saved(int error);
  void update();

  const std::string target_name_;
  const std::uint32_t lun_;
  const std::vector<std::uint16_t> target_ports_;
  std::unique_ptr<StateFile> file_;
  scsi::PersistentReservations persistent_;
  const NexusState* reserved_by_ = nullptr;  // by RESERVE
  bool none_stands_ = true;
  std::deque<ReserveOutJob> jobs_;
  ReservationVerdict being_saved_;  // of the first job
  bool saving_ = false;
  bool working_ = false;
};

}  // namespace holdfast::target
