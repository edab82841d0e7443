#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "common/scsi/cdb.h"
#include "common/scsi/sense.h"
#include "common/scsi/transport_id.h"

namespace holdfast::scsi {

/// The TYPE of a persistent reservation (SPC-4 6.15.3.4).
enum class ReservationType : std::uint8_t {
  write_exclusive = 1,
  exclusive_access = 3,
  write_exclusive_registrants_only = 5,
  exclusive_access_registrants_only = 6,
  write_exclusive_all_registrants = 7,
  exclusive_access_all_registrants = 8,
};

/// The type that a TYPE field names; nothing for a code that names none.
std::optional<ReservationType> reservation_type(std::uint8_t code);
/// Others may read.
bool lets_read(ReservationType type);
/// All registrants work under it as its holder does: registrants only and all registrants.
bool is_for_registrants(ReservationType type);
/// Every registrant holds it.
bool is_held_by_all(ReservationType type);

/// The only SCOPE there is: the logical unit.
inline constexpr std::uint8_t logical_unit_scope = 0;

/// The registration of an I_T nexus.
struct Registration {
  InitiatorPort port;
  std::uint16_t target_port = 1;  // RELATIVE TARGET PORT IDENTIFIER
  std::uint64_t key = 0;
  /// It holds the reservation, where that is not held by all.
  bool holds = false;

  bool operator==(const Registration&) const = default;
};

/// Everything that persistent reservations are of one logical unit (SPC-4 5.13).
struct PersistentReservations {
  std::uint32_t generation = 0;  // PRGENERATION
  /// PTPL_A: they outlive the daemon.
  bool persist = false;
  std::vector<Registration> registrations;  // in the order in which they were made
  std::optional<ReservationType> reservation;

  bool operator==(const PersistentReservations&) const = default;
  bool is_holder(const Registration& registration) const {
    return reservation && (registration.holds || is_held_by_all(*reservation));
  }
};

/// How many I_T nexuses may be registered with a logical unit.
inline constexpr std::size_t registrations_max = 512;

// PERSISTENT RESERVE IN parameter data, SPC-4 6.15.2 to 6.15.5.
std::vector<std::uint8_t> read_keys(const PersistentReservations& state);
std::vector<std::uint8_t> read_reservation(const PersistentReservations& state);
/// `can_persist`: PTPL_C.
std::vector<std::uint8_t> report_capabilities(const PersistentReservations& state,
                                              bool can_persist);
std::vector<std::uint8_t> read_full_status(const PersistentReservations& state);

/// What a PERSISTENT RESERVE OUT parameter list says (SPC-4 6.16.3, 6.16.4).
struct ReserveOutParameters {
  std::uint64_t key = 0;                 // RESERVATION KEY
  std::uint64_t service_action_key = 0;  // SERVICE ACTION RESERVATION KEY
  bool all_target_ports = false;         // ALL_TG_PT
  bool persist = false;                  // APTPL
  /// SPEC_I_PT: the ports to be registered too. REGISTER AND MOVE: the one that it is moved to.
  bool specifies_ports = false;
  std::vector<InitiatorPort> ports;
  bool unregister = false;        // UNREG, REGISTER AND MOVE only
  std::uint16_t target_port = 0;  // RELATIVE TARGET PORT IDENTIFIER, REGISTER AND MOVE only
};

/// The shortest parameter list, and the longest that is taken.
inline constexpr std::uint32_t reserve_out_bytes_min = 24;
inline constexpr std::uint32_t reserve_out_bytes_max = 0xffff;

/// PARAMETER LIST LENGTH ERROR: the list is not as long as it must be.
Sense parameter_list_length_error();

/// Reads the list that came with `action`, or says what the initiator is to be told of it. Fields
/// that the action ignores are not looked at.
std::variant<ReserveOutParameters, Sense> parse_reserve_out(PersistentReserveOut::Action action,
                                                            std::span<const std::uint8_t> list);

}  // namespace holdfast::scsi
