#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "common/scsi/persistent_reservations.h"
#include "target/lun/conditions.h"

namespace holdfast::target {

/// An I_T nexus by what registrations are made of (SPC-4 5.13.1).
struct NexusName {
  scsi::InitiatorPort port;
  std::uint16_t target_port = 1;  // RELATIVE TARGET PORT IDENTIFIER
};

/// The registration of a nexus, as a place in `state.registrations`: the one of its port itself or,
/// if there is none, one that covers all ports of its initiator.
std::optional<std::size_t> find_registration(const scsi::PersistentReservations& state,
                                             const NexusName& nexus);

/// A PERSISTENT RESERVE OUT command, and where it came from.
struct ReserveOutRequest {
  const scsi::PersistentReserveOut& command;
  const scsi::ReserveOutParameters& parameters;
  const NexusName& nexus;
  /// What the device server can do: keep reservations over a restart, and be reached through these.
  bool can_persist = false;
  std::span<const std::uint16_t> target_ports;
};

/// What a PERSISTENT RESERVE OUT command comes to when it is carried out. Places are those of the
/// registrations before it.
struct ReservationChange {
  scsi::PersistentReservations after;
  /// The unit attention that every nexus of a registration gets, except the one that asked.
  struct Notice {
    std::size_t registration;
    Condition condition;
    bool operator==(const Notice&) const = default;
  };
  std::vector<Notice> notices;
  /// PREEMPT AND ABORT: whose commands are aborted.
  std::vector<std::size_t> aborted;
};

/// RESERVATION CONFLICT status.
struct ReservationConflict {};

using ReservationVerdict = std::variant<ReservationChange, ReservationConflict, scsi::Sense>;

/// Carries a command out on `before` (SPC-4 5.13.6 to 5.13.11), or says why it is not.
ReservationVerdict decide(const scsi::PersistentReservations& before,
                          const ReserveOutRequest& request);

}  // namespace holdfast::target
