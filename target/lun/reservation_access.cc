#include "target/lun/reservation_access.h"

#include <array>

namespace holdfast::target {
namespace {

using enum scsi::ReservationClass;

/// The situations of the standards' tables, one bit each. A holder may always run a command.
enum Situation : unsigned {
  write_exclusive = 1u << 0,            // of another's, whether one is registered or not
  exclusive_access = 1u << 1,           // the same
  registered = 1u << 2,                 // under a reservation for registrants
  write_exclusive_stranger = 1u << 3,   // not registered, under one for registrants
  exclusive_access_stranger = 1u << 4,  // the same
  reserved_by_another = 1u << 5,        // RESERVE
  reserved_by_itself = 1u << 6,         // the same
};

constexpr unsigned persistent_ones = write_exclusive | exclusive_access | registered |
                                     write_exclusive_stranger | exclusive_access_stranger;

struct Row {
  scsi::ReservationClass command;
  unsigned may_run_in;
};

constexpr Row rows[] = {
    {unnamed, reserved_by_itself},
    {allowed, persistent_ones | reserved_by_another | reserved_by_itself},
    {asks, persistent_ones | reserved_by_itself},
    {reads, write_exclusive | registered | write_exclusive_stranger | reserved_by_itself},
    {writes, registered | reserved_by_itself},
    {reserves, persistent_ones | reserved_by_another | reserved_by_itself},
    {persistent, persistent_ones},
};

/// START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL are one command that does harm and one that
/// does not: START with POWER CONDITION 0h and PREVENT 00b are allowed to all.
scsi::ReservationClass plain_class(scsi::ReservationClass command, const scsi::CdbBytes& cdb) {
  if (command == starts) return (cdb[4] & 0xf1) == 0x01 ? allowed : writes;
  if (command == prevents) return (cdb[4] & 0x03) == 0 ? allowed : writes;
  return command;
}

bool may_run_in(scsi::ReservationClass command, const scsi::CdbBytes& cdb, Situation situation) {
  const scsi::ReservationClass plain = plain_class(command, cdb);
  for (const Row& row : rows)
    if (row.command == plain) return (row.may_run_in & situation) != 0;
  return false;
}

}  // namespace

bool may_run(scsi::ReservationClass command, const scsi::CdbBytes& cdb,
             scsi::ReservationType reservation, Standing standing) {
  if (standing == Standing::holder) return true;
  const bool write = scsi::lets_read(reservation);
  if (!scsi::is_for_registrants(reservation))
    return may_run_in(command, cdb, write ? write_exclusive : exclusive_access);
  if (standing == Standing::registrant) return may_run_in(command, cdb, registered);
  return may_run_in(command, cdb, write ? write_exclusive_stranger : exclusive_access_stranger);
}

bool may_run_beside_reserve(scsi::ReservationClass command, const scsi::CdbBytes& cdb,
                            bool is_holder) {
  return may_run_in(command, cdb, is_holder ? reserved_by_itself : reserved_by_another);
}

}  // namespace holdfast::target
