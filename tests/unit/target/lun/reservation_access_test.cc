#include "target/lun/reservation_access.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::target {
namespace {

using scsi::CdbBytes;
using Type = scsi::ReservationType;

/// One row of SPC-4 tables 66 and 67, SBC-3 table 13 and SPC-2's for RESERVE: a letter for each of
/// their columns, A for allowed, C for conflict.
///
///   1  Write Exclusive, of another nexus           5  Exclusive Access for registrants, not one
///   2  Exclusive Access, of another nexus          6  RESERVE of another nexus
///   3  for registrants, and registered             7  RESERVE of its own
///   4  Write Exclusive for registrants, not one
struct Row {
  const char* name;
  CdbBytes cdb;
  const char* cells;
};

// The words of the standards, command by command. It has a row for every one that we support.
const Row rows[] = {
    {"TEST UNIT READY", {0x00}, "AAAAACA"},
    {"REQUEST SENSE", {0x03}, "AAAAAAA"},
    {"READ(6)", {0x08}, "ACAACCA"},
    {"WRITE(6)", {0x0a}, "CCACCCA"},
    {"INQUIRY", {0x12}, "AAAAAAA"},
    {"RESERVE(6)", {0x16}, "AAAAAAA"},
    {"RELEASE(6)", {0x17}, "AAAAAAA"},
    {"MODE SENSE(6)", {0x1a}, "ACAACCA"},
    {"START STOP UNIT, START=1", {0x1b, 0, 0, 0, 1}, "AAAAAAA"},
    {"START STOP UNIT, START=0", {0x1b, 0, 0, 0, 0}, "CCACCCA"},
    {"START STOP UNIT, POWER CONDITION=1", {0x1b, 0, 0, 0, 0x11}, "CCACCCA"},
    {"READ CAPACITY(10)", {0x25}, "AAAAAAA"},
    {"READ(10)", {0x28}, "ACAACCA"},
    {"WRITE(10)", {0x2a}, "CCACCCA"},
    {"VERIFY(10)", {0x2f}, "ACAACCA"},
    {"SYNCHRONIZE CACHE(10)", {0x35}, "CCACCCA"},
    {"RESERVE(10)", {0x56}, "AAAAAAA"},
    {"RELEASE(10)", {0x57}, "AAAAAAA"},
    {"MODE SENSE(10)", {0x5a}, "ACAACCA"},
    {"PERSISTENT RESERVE IN, READ KEYS", {0x5e, 0}, "AAAAACC"},
    {"PERSISTENT RESERVE IN, READ RESERVATION", {0x5e, 1}, "AAAAACC"},
    {"PERSISTENT RESERVE IN, REPORT CAPABILITIES", {0x5e, 2}, "AAAAACC"},
    {"PERSISTENT RESERVE IN, READ FULL STATUS", {0x5e, 3}, "AAAAACC"},
    // Their own rules judge them: see the tests of those.
    {"PERSISTENT RESERVE OUT, REGISTER", {0x5f, 0}, "AAAAACC"},
    {"PERSISTENT RESERVE OUT, RESERVE", {0x5f, 1}, "AAAAACC"},
    {"PERSISTENT RESERVE OUT, RELEASE", {0x5f, 2}, "AAAAACC"},
    {"PERSISTENT RESERVE OUT, CLEAR", {0x5f, 3}, "AAAAACC"},
    {"PERSISTENT RESERVE OUT, PREEMPT", {0x5f, 4}, "AAAAACC"},
    {"PERSISTENT RESERVE OUT, PREEMPT AND ABORT", {0x5f, 5}, "AAAAACC"},
    {"PERSISTENT RESERVE OUT, REGISTER AND IGNORE", {0x5f, 6}, "AAAAACC"},
    {"PERSISTENT RESERVE OUT, REGISTER AND MOVE", {0x5f, 7}, "AAAAACC"},
    {"PERSISTENT RESERVE OUT, REPLACE LOST RESERVATION", {0x5f, 8}, "AAAAACC"},
    {"WRITE SAME(32)", {0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x0d}, "CCACCCA"},
    {"READ(16)", {0x88}, "ACAACCA"},
    {"WRITE(16)", {0x8a}, "CCACCCA"},
    {"VERIFY(16)", {0x8f}, "ACAACCA"},
    {"SYNCHRONIZE CACHE(16)", {0x91}, "CCACCCA"},
    {"READ CAPACITY(16)", {0x9e, 0x10}, "AAAAAAA"},
    {"REPORT LUNS", {0xa0}, "AAAAAAA"},
    {"REPORT SUPPORTED OPERATION CODES", {0xa3, 0x0c}, "ACAACCA"},
    {"READ(12)", {0xa8}, "ACAACCA"},
    {"WRITE(12)", {0xaa}, "CCACCCA"},
    {"VERIFY(12)", {0xaf}, "ACAACCA"},
    {"FORMAT UNIT", {0x04}, "CCACCCA"},
    {"MODE SELECT(6)", {0x15}, "CCACCCA"},
    {"MODE SELECT(10)", {0x55}, "CCACCCA"},
    {"PREVENT ALLOW MEDIUM REMOVAL, PREVENT=0", {0x1e}, "AAAAAAA"},
    {"PREVENT ALLOW MEDIUM REMOVAL, PREVENT=1", {0x1e, 0, 0, 0, 1}, "CCACCCA"},
    {"SANITIZE, OVERWRITE", {0x48, 0x01}, "CCACCCA"},
    {"SANITIZE, BLOCK ERASE", {0x48, 0x02}, "CCACCCA"},
    {"SANITIZE, EXIT FAILURE MODE", {0x48, 0x1f}, "CCACCCA"},
    {"LOG SELECT", {0x4c}, "CCACCCA"},
    {"LOG SENSE", {0x4d}, "AAAAAAA"},
    {"EXTENDED COPY(LID1)", {0x83, 0x00}, "CCACCCA"},
    {"RECEIVE COPY RESULTS, COPY STATUS", {0x84, 0x00}, "ACAACCA"},
    {"RECEIVE COPY RESULTS, OPERATING PARAMETERS", {0x84, 0x03}, "ACAACCA"},
    {"RECEIVE COPY RESULTS, FAILED SEGMENT DETAILS", {0x84, 0x04}, "ACAACCA"},
    {"REPORT TARGET PORT GROUPS", {0xa3, 0x0a}, "AAAAAAA"},
    {"SET TARGET PORT GROUPS", {0xa4, 0x0a}, "CCACCCA"},
    {"WRITE AND VERIFY(10)", {0x2e}, "CCACCCA"},
    {"WRITE AND VERIFY(16)", {0x8e}, "CCACCCA"},
    {"WRITE AND VERIFY(12)", {0xae}, "CCACCCA"},
    {"PRE-FETCH(10)", {0x34}, "ACAACCA"},
    {"PRE-FETCH(16)", {0x90}, "ACAACCA"},
    {"READ DEFECT DATA(10)", {0x37}, "ACAACCA"},
    {"READ DEFECT DATA(12)", {0xb7}, "ACAACCA"},
    {"WRITE SAME(10)", {0x41}, "CCACCCA"},
    {"WRITE SAME(16)", {0x93}, "CCACCCA"},
    {"UNMAP", {0x42}, "CCACCCA"},
    {"COMPARE AND WRITE", {0x89}, "CCACCCA"},
    {"ORWRITE(16)", {0x8b}, "CCACCCA"},
    {"WRITE ATOMIC(16)", {0x9c}, "CCACCCA"},
    {"GET LBA STATUS", {0x9e, 0x12}, "ACAACCA"},
    {"REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", {0xa3, 0x0d}, "ACAACCA"},
};

std::string cells_of(const scsi::CdbRow& command, const CdbBytes& cdb) {
  const auto letter = [](bool may) { return may ? 'A' : 'C'; };
  const auto beside = [&](Type type, Standing standing) {
    return letter(may_run(command.reservation, cdb, type, standing));
  };
  std::string cells;
  cells += beside(Type::write_exclusive, Standing::stranger);
  cells += beside(Type::exclusive_access, Standing::stranger);
  cells += beside(Type::exclusive_access_registrants_only, Standing::registrant);
  cells += beside(Type::write_exclusive_registrants_only, Standing::stranger);
  cells += beside(Type::exclusive_access_registrants_only, Standing::stranger);
  cells += letter(may_run_beside_reserve(command.reservation, cdb, false));
  cells += letter(may_run_beside_reserve(command.reservation, cdb, true));
  return cells;
}

TEST(ReservationAccess, EveryCellIsAsTheStandardsHaveIt) {
  for (const Row& row : rows) {
    const scsi::CdbRow* const command = scsi::find_row(row.cdb);
    ASSERT_NE(command, nullptr) << row.name;
    EXPECT_EQ(cells_of(*command, row.cdb), row.cells) << row.name;
  }
}

TEST(ReservationAccess, ColumnsThatTheStandardsHaveOnceAreTheSameForAllTheirTypes) {
  for (const Row& row : rows) {
    const scsi::ReservationClass command = scsi::find_row(row.cdb)->reservation;
    const auto may = [&](Type type, Standing standing) {
      return may_run(command, row.cdb, type, standing);
    };
    for (const Type type : {Type::write_exclusive, Type::exclusive_access,
                            Type::write_exclusive_registrants_only,
                            Type::exclusive_access_registrants_only,
                            Type::write_exclusive_all_registrants,
                            Type::exclusive_access_all_registrants})
      EXPECT_TRUE(may(type, Standing::holder)) << row.name;
    for (const Type type : {Type::write_exclusive, Type::exclusive_access})
      EXPECT_EQ(may(type, Standing::registrant), may(type, Standing::stranger)) << row.name;
    EXPECT_EQ(may(Type::write_exclusive_registrants_only, Standing::registrant),
              may(Type::exclusive_access_registrants_only, Standing::registrant));
    EXPECT_EQ(may(Type::write_exclusive_registrants_only, Standing::stranger),
              may(Type::write_exclusive_all_registrants, Standing::stranger));
    EXPECT_EQ(may(Type::exclusive_access_registrants_only, Standing::stranger),
              may(Type::exclusive_access_all_registrants, Standing::stranger));
  }
}

TEST(ReservationAccess, EveryCommandOfOursHasARow) {
  for (const scsi::CdbRow& command : scsi::cdb_table()) {
    bool found = false;
    for (const Row& row : rows) found |= scsi::find_row(row.cdb) == &command;
    EXPECT_TRUE(found) << "opcode " << int(command.opcode()) << " service action "
                       << command.service_action.value_or(0);
  }
}

}  // namespace
}  // namespace holdfast::target
