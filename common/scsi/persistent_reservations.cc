#include "common/scsi/persistent_reservations.h"

namespace holdfast::scsi {
namespace {

using Bytes = std::vector<std::uint8_t>;

template <typename Integer>
void put(Bytes& data, Integer value) {
  for (std::size_t i = sizeof(value); i > 0; --i)
    data.push_back(static_cast<std::uint8_t>(value >> (8 * (i - 1))));
}

void set_be32(Bytes& data, std::size_t at, std::size_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    data[at + i] = static_cast<std::uint8_t>(value >> (8 * (3 - i)));
}

std::uint8_t scope_and_type(ReservationType type) {
  return static_cast<std::uint8_t>(logical_unit_scope << 4 | static_cast<std::uint8_t>(type));
}

/// PRGENERATION and room for the length of what follows.
Bytes begin_data(const PersistentReservations& state) {
  Bytes data;
  put(data, state.generation);
  put(data, std::uint32_t{0});
  return data;
}

void end_data(Bytes& data) {
  set_be32(data, 4, data.size() - 8);
}

}  // namespace

std::optional<ReservationType> reservation_type(std::uint8_t code) {
  switch (static_cast<ReservationType>(code)) {
    case ReservationType::write_exclusive:
    case ReservationType::exclusive_access:
    case ReservationType::write_exclusive_registrants_only:
    case ReservationType::exclusive_access_registrants_only:
    case ReservationType::write_exclusive_all_registrants:
    case ReservationType::exclusive_access_all_registrants:
      return static_cast<ReservationType>(code);
  }
  return std::nullopt;
}

bool lets_read(ReservationType type) {
  return type == ReservationType::write_exclusive ||
         type == ReservationType::write_exclusive_registrants_only ||
         type == ReservationType::write_exclusive_all_registrants;
}

bool is_for_registrants(ReservationType type) {
  return type != ReservationType::write_exclusive && type != ReservationType::exclusive_access;
}

bool is_held_by_all(ReservationType type) {
  return type == ReservationType::write_exclusive_all_registrants ||
         type == ReservationType::exclusive_access_all_registrants;
}

Bytes read_keys(const PersistentReservations& state) {
  Bytes data = begin_data(state);
  for (const Registration& registration : state.registrations) put(data, registration.key);
  end_data(data);
  return data;
}

Bytes read_reservation(const PersistentReservations& state) {
  Bytes data = begin_data(state);
  if (state.reservation) {
    std::uint64_t key = 0;  // It stays 0 where all registrants hold it.
    for (const Registration& registration : state.registrations)
      if (registration.holds) key = registration.key;
    put(data, key);
    data.insert(data.end(), 5, 0);
    data.push_back(scope_and_type(*state.reservation));
    data.insert(data.end(), 2, 0);
  }
  end_data(data);
  return data;
}

Bytes report_capabilities(const PersistentReservations& state, bool can_persist) {
  constexpr std::uint8_t replace_lost_reservation = 0x80;         // RLR_C
  constexpr std::uint8_t compatible_reservation_handling = 0x10;  // CRH
  constexpr std::uint8_t specify_initiator_ports = 0x08;          // SIP_C
  constexpr std::uint8_t all_target_ports = 0x04;                 // ATP_C
  constexpr std::uint8_t persist_capable = 0x01;                  // PTPL_C
  constexpr std::uint8_t type_mask_valid = 0x80;                  // TMV
  // ALLOW COMMANDS 001b: TEST UNIT READY is allowed under every type.
  constexpr std::uint8_t allow_commands = 0x10;
  constexpr std::uint8_t persist_active = 0x01;  // PTPL_A
  const int capabilities = replace_lost_reservation | compatible_reservation_handling |
                           specify_initiator_ports | all_target_ports | (can_persist ? persist_capable : 0);
  const int more = type_mask_valid | allow_commands | (state.persist ? persist_active : 0);
  return {0,    8, static_cast<std::uint8_t>(capabilities), static_cast<std::uint8_t>(more),
          0xea,  // WR_EX_AR, EX_AC_RO, WR_EX_RO, EX_AC, WR_EX
          0x01,  // EX_AC_AR
          0,    0};
}

Bytes read_full_status(const PersistentReservations& state) {
  Bytes data = begin_data(state);
  for (const Registration& registration : state.registrations) {
    const bool holds = state.is_holder(registration);
    put(data, registration.key);
    put(data, std::uint32_t{0});
    // ALL_TG_PT is 0: a registration through every target port has a descriptor for each.
    data.push_back(holds ? 0x01 : 0x00);  // R_HOLDER
    data.push_back(holds ? scope_and_type(*state.reservation) : std::uint8_t{0});
    put(data, std::uint32_t{0});
    put(data, registration.target_port);
    const std::size_t length_at = data.size();
    put(data, std::uint32_t{0});
    put_transport_id(data, registration.port);
    set_be32(data, length_at, data.size() - length_at - 4);
  }
  end_data(data);
  return data;
}

}  // namespace holdfast::scsi
