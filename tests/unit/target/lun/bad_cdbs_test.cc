// Bad commands out of the table of good ones: every command that we list, with every reserved bit,
// with every length of answer, and with every list of parameters cut off, too long, or lying.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <map>

#include "common/scsi/cdb_table.h"
#include "common/scsi/parameter_data.h"
#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using ::testing::Contains;
using ::testing::Not;

/// Where a CDB says how long the parameter data may be, or the parameter list is.
struct LengthField {
  std::size_t at = 0;
  std::size_t bytes = 0;
};

/// What a command moves, which its usage map alone does not tell. All that the table of CDBs lists
/// is here, so that no command goes untried.
enum class Moves : std::uint8_t {
  nothing,  // or blocks, or a list whose length no CDB says
  answer,   // ALLOCATION LENGTH
  list,     // PARAMETER LIST LENGTH
};
struct Movement {
  Moves moves = Moves::nothing;
  LengthField length;
};
const std::map<std::uint8_t, Movement> movements = {
    {0x00, {}},
    {0x03, {Moves::answer, {4, 1}}},
    {0x04, {}},
    {0x08, {}},
    {0x0a, {}},
    {0x12, {Moves::answer, {3, 2}}},
    {0x15, {Moves::list, {4, 1}}},
    {0x16, {}},
    {0x17, {}},
    {0x1a, {Moves::answer, {4, 1}}},
    {0x1b, {}},
    {0x1e, {}},
    {0x25, {}},
    {0x28, {}},
    {0x2a, {}},
    {0x2e, {}},
    {0x2f, {}},
    {0x34, {}},
    {0x35, {}},
    {0x37, {Moves::answer, {7, 2}}},
    {0x41, {}},
    {0x42, {Moves::list, {7, 2}}},
    {0x48, {Moves::list, {7, 2}}},
    {0x4c, {Moves::list, {7, 2}}},
    {0x4d, {Moves::answer, {7, 2}}},
    {0x55, {Moves::list, {7, 2}}},
    {0x56, {}},
    {0x57, {}},
    {0x5a, {Moves::answer, {7, 2}}},
    {0x5e, {Moves::answer, {7, 2}}},
    {0x5f, {Moves::list, {5, 4}}},
    {0x7f, {}},
    {0x83, {Moves::list, {10, 4}}},
    {0x84, {Moves::answer, {10, 4}}},
    {0x88, {}},
    {0x89, {}},
    {0x8a, {}},
    {0x8b, {}},
    {0x8e, {}},
    {0x8f, {}},
    {0x90, {}},
    {0x91, {}},
    {0x93, {}},
    {0x9c, {}},
    {0x9e, {Moves::answer, {10, 4}}},
    {0xa0, {Moves::answer, {6, 4}}},
    {0xa3, {Moves::answer, {6, 4}}},
    {0xa4, {Moves::list, {6, 4}}},
    {0xa8, {}},
    {0xaa, {}},
    {0xae, {}},
    {0xaf, {}},
    {0xb7, {Moves::answer, {6, 4}}},
};

class BadCdbs : public LunTest {
 protected:
  static constexpr std::uint8_t long_one = 0x7f;  // of variable length: 32 bytes

  void SetUp() override {
    LunTest::SetUp();
    LogicalUnitOptions made = options();
    made.thin = made.removable = true;
    add_unit_in_use(made);
  }

  /// The command with nothing said but what makes it one that can be carried out.
  static scsi::CdbBytes bare(const scsi::CdbRow& row) {
    scsi::CdbBytes cdb{row.opcode()};
    if (row.service_action) name_action(cdb, *row.service_action);
    switch (row.opcode()) {
      case 0x15:
      case 0x55:
        cdb[1] = 0x10;  // PF
        break;
      case 0x1a:
      case 0x5a:
        cdb[2] = 0x3f;  // all pages
        break;
      default:
        break;
    }
    return cdb;
  }
  /// A command whose CDB came with so many bytes.
  std::unique_ptr<Issued> run_cut(const scsi::CdbBytes& cdb, int came) {
    auto issued = std::make_unique<Issued>(target_, first_, 0, cdb);
    issued->command.cdb_bytes = static_cast<std::uint16_t>(came);
    issued->begin();
    issued->execute(512, Bytes(512));
    settle(issued->ends, 1);
    return issued;
  }
  static void name_action(scsi::CdbBytes& cdb, std::uint16_t action) {
    if (cdb[0] != long_one) {
      cdb[1] = static_cast<std::uint8_t>(action);
      return;
    }
    cdb[7] = 0x18;
    cdb[8] = static_cast<std::uint8_t>(action >> 8);
    cdb[9] = static_cast<std::uint8_t>(action);
  }
  /// Another bit there would make it another command.
  static bool is_service_action(const scsi::CdbRow& row, std::size_t byte, unsigned bit) {
    if (!row.service_action) return false;
    return row.opcode() == long_one ? byte == 8 || byte == 9 : byte == 1 && bit < 5;
  }
  static scsi::CdbBytes with_length(scsi::CdbBytes cdb, const LengthField& field,
                                    std::uint64_t length) {
    for (std::size_t i = field.bytes; i > 0; --i, length >>= 8)
      cdb[field.at + i - 1] = static_cast<std::uint8_t>(length);
    return cdb;
  }
  static std::string name(const scsi::CdbBytes& cdb) {
    return fmt::format("command {:02x}/{:02x}", cdb[0], scsi::service_action_of(cdb));
  }

  void expect_nothing_written() {
    for (StoreOperation operation :
         {StoreOperation::write, StoreOperation::unmap, StoreOperation::anchor})
      EXPECT_THAT(store_->operations, Not(Contains(operation)));
  }
  /// The sense-key specific bytes point at that byte, of the CDB or of the parameter list.
  static void expect_points_at(const Issued& refused, bool in_list, std::size_t byte) {
    const Bytes sense = refused.sense();
    ASSERT_GE(sense.size(), 18u);
    EXPECT_EQ(sense[15] & 0xc0, in_list ? 0x80 : 0xc0) << "SKSV, C/D";
    EXPECT_EQ(std::size_t{sense[16]} << 8 | sense[17], byte);
  }
};

TEST_F(BadCdbs, EveryReservedBitIsPointedAtAndNothingIsWritten) {
  std::size_t tried = 0;
  for (const scsi::CdbRow& row : scsi::cdb_table()) {
    for (std::uint16_t byte = 1; byte < row.length; ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        if ((row.usage[byte] >> bit) & 1) continue;
        if (is_service_action(row, byte, bit)) continue;
        scsi::CdbBytes cdb = bare(row);
        cdb[byte] = static_cast<std::uint8_t>(cdb[byte] | 1u << bit);
        const auto refused = run(cdb, Bytes(64));
        ++tried;
        ASSERT_EQ(refused->sense_code(), 0x052400u)
            << name(cdb) << " byte " << byte << " bit " << bit;
        const Bytes sense = refused->sense();
        EXPECT_EQ(sense[15] & 0xc8, 0xc8) << "SKSV, in the CDB, with a bit";
        EXPECT_GE(sense[15] & 0x07u, bit);
        EXPECT_EQ(sense[16] << 8 | sense[17], byte);
      }
    }
  }
  EXPECT_GT(tried, 1000u);
  expect_nothing_written();
}

TEST_F(BadCdbs, WhatIsNotListedIsRefusedByItsOperationCodeOrServiceAction) {
  std::map<std::uint8_t, std::vector<std::uint16_t>> actions;  // of each code that is there
  for (const scsi::CdbRow& row : scsi::cdb_table()) {
    auto& known = actions[row.opcode()];
    if (row.service_action) known.push_back(*row.service_action);
  }
  for (unsigned code = 0; code < 256; ++code) {
    scsi::CdbBytes cdb{static_cast<std::uint8_t>(code)};
    const auto found = actions.find(cdb[0]);
    if (found == actions.end()) {
      const auto refused = run(cdb, Bytes(64));
      ASSERT_EQ(refused->sense_code(), 0x052000u) << name(cdb);
      expect_points_at(*refused, false, 0);
      continue;
    }
    for (std::uint8_t action = 0; action < 32 && !found->second.empty(); ++action) {
      if (std::ranges::count(found->second, action) > 0) continue;
      name_action(cdb, action);
      const auto refused = run(cdb, Bytes(64));
      ASSERT_EQ(refused->sense_code(), 0x052400u) << name(cdb);
      expect_points_at(*refused, false, code == long_one ? 8 : 1);
    }
  }
  expect_nothing_written();
}

TEST_F(BadCdbs, ALongOneThatIsNotAsLongAsItSaysIsPointedAtAndNothingIsWritten) {
  std::size_t tried = 0;
  for (const scsi::CdbRow& row : scsi::cdb_table()) {
    if (row.opcode() != long_one) continue;
    for (const std::uint16_t came : {16, 17, 28, 31, 33, 36, 1032}) {
      ++tried;
      const auto refused = run_cut(bare(row), came);
      ASSERT_EQ(refused->sense_code(), 0x052400u) << came << " bytes";
      expect_points_at(*refused, false, 7);
    }
    for (const std::uint8_t said : {0x00, 0x08, 0x14, 0x1c, 0xf8}) {
      scsi::CdbBytes cdb = bare(row);
      cdb[7] = said;
      for (const std::uint16_t came : {32, 8 + said}) {
        const auto refused = run_cut(cdb, came);
        ASSERT_EQ(refused->sense_code(), 0x052400u) << int(said) << " said, " << came << " came";
        expect_points_at(*refused, false, 7);
      }
    }
  }
  EXPECT_GE(tried, 7u);
  expect_nothing_written();
}

TEST_F(BadCdbs, EveryCommandOfTheTableIsKnownToThisTest) {
  for (const scsi::CdbRow& row : scsi::cdb_table())
    EXPECT_TRUE(movements.contains(row.opcode())) << fmt::format("{:02x}", row.opcode());
}

TEST_F(BadCdbs, ShortAllocationLengthsCutTheAnswerAndAreNoError) {
  std::size_t tried = 0;
  for (const scsi::CdbRow& row : scsi::cdb_table()) {
    const Movement& movement = movements.at(row.opcode());
    if (movement.moves != Moves::answer) continue;
    // Nothing was copied that could be told of.
    if (row.opcode() == 0x84 && row.service_action != 0x03) continue;
    const bool is_tmfs = row.opcode() == 0xa3 && row.service_action == 0x0d;
    const scsi::CdbBytes cdb = bare(row);
    const Bytes whole = run(with_length(cdb, movement.length, 250))->data_in();
    ASSERT_GE(whole.size(), 4u) << name(cdb);
    for (std::uint8_t length = is_tmfs ? 4 : 0; length <= 40; ++length) {
      const auto cut = run(with_length(cdb, movement.length, length));
      ASSERT_TRUE(cut->good()) << name(cdb) << " length " << int(length);
      const std::size_t expected = std::min<std::size_t>(length, whole.size());
      EXPECT_EQ(cut->data_in(), Bytes(whole.begin(), whole.begin() + std::ptrdiff_t(expected)));
    }
    ++tried;
  }
  EXPECT_GE(tried, 18u);
}

TEST_F(BadCdbs, ParameterListsThatAreCutOffOrGarbageWriteNothing) {
  std::size_t tried = 0;
  for (const scsi::CdbRow& row : scsi::cdb_table()) {
    const Movement& movement = movements.at(row.opcode());
    if (movement.moves != Moves::list) continue;
    ++tried;
    for (std::uint8_t length = 1; length <= 60; ++length) {
      const scsi::CdbBytes cdb = with_length(bare(row), movement.length, length);
      // Less comes than was said.
      EXPECT_EQ(run(cdb, first_, Bytes(length - 1), length - 1u)->command.outcome.status, 2)
          << name(cdb) << " length " << int(length);
      if (cdb[0] == 0xa4 && length == 4) continue;  // a list of no groups, whatever is reserved
      // All ones: every reserved field and every length lies.
      const auto garbage = run(cdb, Bytes(length, 0xff));
      EXPECT_NE(garbage->command.outcome.status, 0) << name(cdb) << " length " << int(length);
    }
  }
  EXPECT_GE(tried, 16u);
  expect_nothing_written();
}

TEST_F(BadCdbs, ListsLongerThanAnyCanBeAreRefusedBeforeTheyCome) {
  for (const scsi::CdbRow& row : scsi::cdb_table()) {
    const Movement& movement = movements.at(row.opcode());
    if (movement.moves != Moves::list || movement.length.bytes < 4) continue;
    for (std::uint64_t length : {0x1'0000ull, 0xffff'ffffull}) {
      const auto refused = run(with_length(bare(row), movement.length, length));
      EXPECT_EQ(refused->transfer.bytes, 0u) << name(refused->command.cdb);
      const std::uint32_t code = refused->sense_code();
      EXPECT_TRUE(code == 0x052400u || code == 0x051a00u) << name(refused->command.cdb);
      expect_points_at(*refused, false, movement.length.at);
    }
  }
}

/// A list that lies: the byte of it that is made wrong, and what that gets.
struct Lie {
  const char* what;
  scsi::CdbBytes cdb;
  Bytes list;
  std::size_t byte;
  std::uint8_t value;
  std::uint32_t sense = 0x052600;
  bool in_list = true;
  std::optional<std::size_t> at{};  // where the pointer points, if not at `byte`
};

Bytes control_page() {
  return {0, 0, 0, 0, 0x0a, 10, 0x20, 0x10, 0, 0, 0, 0, 0, 0, 0, 0};
}
Bytes unmap_of_one_block() {
  Bytes list(24);
  list[1] = 22;
  list[3] = 16;
  list[19] = 1;
  return list;
}
Bytes registration() {
  Bytes list(24);
  list[15] = 0xaa;
  return list;
}
Bytes registration_of_a_port() {
  Bytes list = registration();
  list[20] = 0x08;  // SPEC_I_PT
  Bytes id(24);
  id[0] = 0x05;  // iSCSI, by its name
  id[3] = 20;
  const std::string_view name = "iqn.2001-04.a:b";
  std::copy(name.begin(), name.end(), id.begin() + 4);
  list.insert(list.end(), {0, 0, 0, 24});
  list.insert(list.end(), id.begin(), id.end());
  return list;
}

Bytes copy_of_a_block() {
  Bytes list(16 + 32 + 28);
  list[0] = 1;
  list[3] = 32;
  list[11] = 28;
  list[16] = 0xe4;
  list[23] = 8;
  list[48] = 0x02;
  list[51] = 24;
  return list;
}

TEST_F(BadCdbs, ListsThatLieAboutThemselvesArePointedAtAndWriteNothing) {
  const scsi::CdbBytes mode_select{0x15, 0x10}, unmap{0x42}, sanitize{0x48, 0x01}, move{0x5f, 0x07},
      enroll{0x5f, 0x00}, set_groups{0xa4, 0x0a}, format{0x04, 0x10}, copy{0x83};
  const Bytes overwrite{0x01, 0, 0, 4, 1, 2, 3, 4}, group{0, 0, 0, 0, 0, 0, 0, 1};
  const Lie lies[] = {
      {"MODE DATA LENGTH", mode_select, control_page(), 0, 1},
      {"block descriptor length", mode_select, control_page(), 3, 7},
      {"PS", mode_select, control_page(), 4, 0x8a},
      {"no such page", mode_select, control_page(), 4, 0x0b},
      {"page length", mode_select, control_page(), 5, 9},
      {"page longer than the list", mode_select, control_page(), 5, 11},
      {"TST", mode_select, control_page(), 6, 0x40},
      {"a reserved byte of the page", mode_select, control_page(), 15, 1},
      {"a reserved byte of the header", unmap, unmap_of_one_block(), 4, 1},
      {"a reserved byte of a descriptor", unmap, unmap_of_one_block(), 20, 1},
      {"an LBA beyond the end", unmap, unmap_of_one_block(), 8, 1, 0x052100},
      {"more blocks than there are", unmap, unmap_of_one_block(), 16, 1, 0x052100, true, 8},
      {"no passes", sanitize, overwrite, 0, 0},
      {"TEST", sanitize, overwrite, 0, 0x21},
      {"a reserved byte", sanitize, overwrite, 1, 1},
      {"a pattern of more than a block", sanitize, overwrite, 2, 0x7f},
      {"a pattern of nothing", sanitize, overwrite, 3, 0, 0x052600, true, 2},
      {"a pattern longer than the list", sanitize, overwrite, 3, 5, 0x052400, false, 7},
      {"a reserved bit", enroll, registration(), 20, 0x80},
      {"a reserved byte", enroll, registration(), 21, 1},
      {"TransportIDs that are not there", enroll, registration(), 20, 0x08, 0x051a00, false, 5},
      {"TransportIDs beyond the list", enroll, registration_of_a_port(), 27, 28, 0x051a00, false, 5},
      {"TransportIDs of no whole words", enroll, registration_of_a_port(), 27, 25, 0x052600, true, 24},
      {"a TransportID of another protocol", enroll, registration_of_a_port(), 28, 0x01},
      {"a TransportID longer than all of them", enroll, registration_of_a_port(), 31, 24, 0x052600,
       true, 30},
      {"a reserved byte", move, registration(), 16, 1},
      {"a reserved access state", set_groups, group, 4, 0x04},
      {"no such group", set_groups, group, 6, 0x7f},
      {"PROTECTION FIELD USAGE", format, Bytes(4), 0, 1},
      {"IP", format, Bytes(4), 1, 0x08},
      {"DPRY without FOV", format, Bytes(4), 1, 0x40},
      {"defects", format, Bytes(4), 3, 4, 0x052600, true, 2},
      {"LIST ID USAGE", copy, copy_of_a_block(), 1, 0x08},
      {"a reserved byte", copy, copy_of_a_block(), 4, 1},
      {"no whole target descriptors", copy, copy_of_a_block(), 3, 31, 0x052600, true, 2},
      {"inline data", copy, copy_of_a_block(), 15, 1, 0x05260b, true, 12},
      {"a target descriptor of another type", copy, copy_of_a_block(), 16, 0xe0, 0x052607},
      {"a designator longer than its room", copy, copy_of_a_block(), 23, 21},
      {"a segment descriptor of another type", copy, copy_of_a_block(), 48, 0x00, 0x052609},
      {"a segment descriptor of another length", copy, copy_of_a_block(), 51, 23, 0x052600, true, 50},
  };
  for (const Lie& lie : lies) {
    Bytes list = lie.list;
    list[lie.byte] = lie.value;
    const scsi::CdbBytes cdb = with_length(lie.cdb, movements.at(lie.cdb[0]).length, list.size());
    const auto refused = run(cdb, list);
    SCOPED_TRACE(name(cdb) + ", " + lie.what);
    ASSERT_EQ(refused->sense_code(), lie.sense);
    expect_points_at(*refused, lie.in_list, lie.at.value_or(lie.byte));
  }
  expect_nothing_written();
}

TEST_F(BadCdbs, RangesOutOfTheMediumArePointedAtAndNothingIsWritten) {
  // Where LOGICAL BLOCK ADDRESS begins: in byte 1 of six-byte CDBs, byte 12 of long ones, else in byte 2.
  std::size_t tried = 0;
  for (const scsi::CdbRow& row : scsi::cdb_table()) {
    const std::size_t lba_at = row.length == 6 ? 1 : row.length == 32 ? 12 : 2;
    const std::size_t inside = row.length == 6 ? 2 : lba_at + 3;
    const bool has_range = movements.at(row.opcode()).moves == Moves::nothing &&
                           row.usage[inside - (row.length == 6 ? 0 : 3)] == 0xff && row.usage[inside] == 0xff;
    if (!has_range) continue;
    scsi::CdbBytes cdb = bare(row);
    cdb[lba_at + (row.length == 6 ? 0 : 1)] = 0x10;
    if (row.length == 6) cdb[4] = 1;
    const auto refused = run(cdb, Bytes(512));
    ++tried;
    ASSERT_EQ(refused->sense_code(), 0x052100u) << name(cdb);
    expect_points_at(*refused, false, lba_at);
  }
  EXPECT_GE(tried, 24u);
  expect_nothing_written();
}

}  // namespace
}  // namespace holdfast::target
