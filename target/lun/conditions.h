#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/scsi/sense.h"

namespace holdfast::target {

/// What a nexus is to be told of a logical unit at the next opportunity: unit attention conditions
/// (SAM-5 5.14) and deferred errors (SPC-4 4.5.5).
enum class Condition : std::uint8_t {
  power_on,                 // first contact
  bus_device_reset,         // the logical unit was reset
  commands_cleared,         // another nexus aborted our commands
  commands_ended,           // some of our commands ended with their connection (RFC 7143 section 7.2)
  reservations_preempted,   // another nexus did away with all reservations and registrations
  reservations_released,    // the reservation that was ours to work under is gone
  registrations_preempted,  // another nexus took our registration
  not_ready_to_ready,       // a medium was loaded, or has been formatted or sanitized
  mode_parameters_changed,  // by another nexus
  log_parameters_changed,   // by another nexus
  access_state_changed,     // SPC-4 5.11.2
  capacity_changed,         // the medium is larger or smaller than it was
  luns_changed,             // the target has other units than it had
  soft_threshold_reached,   // a thin unit's store runs full
  flush_failed,             // after SYNCHRONIZE CACHE had GOOD already (IMMED)
};
inline constexpr std::size_t condition_count = 15;

scsi::Sense sense_of(Condition condition);

/// SAM-5 5.3.3: who has a power on or a reset to be told of is told that first of all; everything else
/// comes after RESERVATION CONFLICT.
bool comes_before_conflicts(Condition condition);

/// The conditions that stand for one nexus. Each is told once: power on and resets first (SAM-5
/// 5.14.2), then the others in the order in which they came, deferred errors last.
class Conditions {
 public:
  /// One that stands already keeps its place.
  void raise(Condition condition);
  /// The one to be told next.
  std::optional<Condition> first() const;
  /// It was told, and with it what it implies: a power on is a reset too.
  void clear(Condition condition);

 private:
  void remove(Condition condition);

  std::array<Condition, condition_count> standing_{};
  std::size_t count_ = 0;
};

}  // namespace holdfast::target
