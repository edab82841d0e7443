// Mode, access state, removable media, formatting and sanitizing.

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using ::testing::Each;

const scsi::CdbBytes ready{0x00};
const scsi::CdbBytes write_one{0x2a, 0, 0, 0, 0, 1, 0, 0, 1};
const scsi::CdbBytes read_one{0x28, 0, 0, 0, 0, 1, 0, 0, 1};

class UnitControl : public LunTest {
 protected:
  static Bytes control_page(bool descriptor_sense, bool protect) {
    return {0, 0, 0, 0, 0x0a, 10, static_cast<std::uint8_t>(descriptor_sense ? 0x24 : 0x20), 0x10,
            static_cast<std::uint8_t>(protect ? 0x08 : 0), 0, 0, 0, 0, 0, 0, 0};
  }
  std::unique_ptr<Issued> select(const Bytes& list, std::uint8_t flags = 0x10) {
    return run({0x15, flags, 0, 0, static_cast<std::uint8_t>(list.size())}, list);
  }
  void flush() {
    int flushed = 0;
    target_.flush([&] { ++flushed; });
    settle(flushed, 1);
  }
};

TEST_F(UnitControl, ModeSelectTakesEffectAndEveryOtherNexusIsToldOnce) {
  add_unit_in_use(options());
  ASSERT_TRUE(select(control_page(true, true))->good());
  const auto told = run(ready, second_);
  EXPECT_EQ(Bytes({told->sense()[1], told->sense()[2], told->sense()[3]}), Bytes({0x06, 0x2a, 0x01}));
  EXPECT_TRUE(run(ready, second_)->good());
  EXPECT_TRUE(run(ready)->good());
  const auto refused = run(write_one, Bytes(512));
  ASSERT_EQ(refused->command.outcome.status, 2);
  EXPECT_EQ(refused->sense()[0], 0x72) << "descriptor format";
  EXPECT_EQ(refused->sense()[1], 0x07);
  EXPECT_EQ(refused->sense()[3], 0x02) << "software write protected";
  EXPECT_TRUE(run({0x1a, 0x08, 0x0a, 0, 255})->data_in()[2] & 0x80) << "WP";
  ASSERT_TRUE(select(control_page(false, false))->good());
  EXPECT_TRUE(run(write_one, Bytes(512))->good());
  EXPECT_EQ(select({0, 0, 0, 0, 0x0a})->sense_code(), 0x051a00u);
  EXPECT_EQ(select(control_page(true, false), 0x11)->sense_code(), 0x052400u) << "nowhere to save";
}

TEST_F(UnitControl, SavedPagesComeBack) {
  std::string content;
  LogicalUnit& unit = add_unit_in_use(options());
  ASSERT_TRUE(unit.keep_record(std::make_unique<MemoryFile>(content), ""));
  ASSERT_TRUE(select(control_page(false, true), 0x11)->good());
  ASSERT_FALSE(content.empty());
  LogicalUnit& again = add_unit(options(1));
  ASSERT_TRUE(again.keep_record(std::make_unique<MemoryFile>(content), content));
  EXPECT_TRUE(again.write_protected());
  for (const char* wrong : {"x", "holdfast unit 2\n", "holdfast unit 1\nmode 1\n",
                            "holdfast unit 1\nmode 0 0\njob 9 1 0 0 0 \n"})
    EXPECT_FALSE(again.keep_record(nullptr, wrong)) << wrong;
}

TEST_F(UnitControl, TheAccessStateIsReportedSetAndObeyed) {
  add_unit_in_use(options());
  const scsi::CdbBytes report{0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 64};
  EXPECT_EQ(run(report)->data_in(), Bytes({0, 0, 0, 12, 0x00, 0x0f, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}));
  const auto set = [this](std::uint8_t state, std::uint8_t group = 1) {
    return run({0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, 8}, Bytes({0, 0, 0, 0, state, 0, 0, group}));
  };
  EXPECT_TRUE(set(2)->good());
  EXPECT_EQ(run(ready, second_)->sense_code(), 0x062a06u);
  EXPECT_EQ(run(read_one)->sense_code(), 0x02040bu);
  EXPECT_TRUE(set(3)->good());
  EXPECT_EQ(run(read_one)->sense_code(), 0x02040cu);
  EXPECT_TRUE(run({0x12, 0, 0, 0, 96})->good());
  EXPECT_EQ(set(4)->sense_code(), 0x052600u);
  EXPECT_EQ(set(0, 2)->sense_code(), 0x052600u);
  EXPECT_TRUE(set(0)->good());
  EXPECT_TRUE(run(read_one)->good());
  EXPECT_EQ(run(report)->data_in()[9], 1) << "by SET TARGET PORT GROUPS";
}

/// A unit that is reached by two portal groups, the second nexus by the second one.
class PortGroups : public UnitControl {
 protected:
  void SetUp() override {
    UnitControl::SetUp();
    second_.target_portal_group = 5;
    LogicalUnitOptions made = options();
    made.target_ports = {1, 5};
    unit_ = &add_unit_in_use(made);
  }
  static constexpr scsi::CdbBytes report{0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 64};
  std::unique_ptr<Issued> set(const Bytes& descriptors, Nexus& by) {
    Bytes list(4);
    list.insert(list.end(), descriptors.begin(), descriptors.end());
    return run({0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(list.size())}, by, list);
  }
  LogicalUnit* unit_ = nullptr;
};

TEST_F(PortGroups, EachNexusIsToldThePortByWhichItCame) {
  const scsi::CdbBytes identification{0x12, 1, 0x83, 0, 255};
  for (Nexus* nexus : {&first_, &second_}) {
    const Bytes page = run(identification, *nexus)->data_in();
    const auto port = static_cast<std::uint8_t>(nexus->target_portal_group);
    const Bytes relative_port{0x51, 0x94, 0, 4, 0, 0, 0, port}, group{0x51, 0x95, 0, 4, 0, 0, 0, port};
    for (const Bytes& designator : {relative_port, group})
      EXPECT_NE(std::search(page.begin(), page.end(), designator.begin(), designator.end()), page.end());
    const std::string name = target_.iqn() + ",t,0x000" + std::to_string(port);
    EXPECT_NE(std::search(page.begin(), page.end(), name.begin(), name.end()), page.end());
  }
  const Bytes ports = run({0x12, 1, 0x88, 0, 255})->data_in();
  EXPECT_EQ(ports.at(7), 1);
  EXPECT_EQ(ports.at(4 + 12 + ports.at(15) + 3), 5) << "the second port";
}

TEST_F(PortGroups, AllAreReported) {
  EXPECT_EQ(run(report)->data_in(), Bytes({0, 0, 0, 24, 0x00, 0x0f, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1,  //
                                           0x00, 0x0f, 0, 5, 0, 0, 0, 1, 0, 0, 0, 5}));
}

TEST_F(PortGroups, OneIsSetAndTheOtherGoesOn) {
  ASSERT_TRUE(set({2, 0, 0, 5}, first_)->good());
  EXPECT_EQ(run(ready, second_)->sense_code(), 0x062a06u) << "told once";
  EXPECT_EQ(run(ready, second_)->sense_code(), 0x02040bu);
  EXPECT_EQ(run(read_one, second_)->sense_code(), 0x02040bu);
  EXPECT_TRUE(run({0x12, 0, 0, 0, 96}, second_)->good());
  EXPECT_TRUE(run(read_one)->good()) << "by the other port, and it was not told";
  const Bytes groups = run(report, second_)->data_in();
  EXPECT_EQ(groups.at(4), 0);
  EXPECT_EQ(groups.at(9), 0) << "nobody set it";
  EXPECT_EQ(groups.at(16), 2);
  EXPECT_EQ(groups.at(21), 1) << "by SET TARGET PORT GROUPS";
  ASSERT_TRUE(set({3, 0, 0, 1, 0, 0, 0, 5}, second_)->good());
  EXPECT_EQ(run(ready)->sense_code(), 0x062a06u);
  EXPECT_EQ(run(read_one)->sense_code(), 0x02040cu);
  EXPECT_TRUE(run(read_one, second_)->good());
  EXPECT_EQ(set({0, 0, 0, 1, 0, 0, 0, 7}, second_)->sense_code(), 0x052600u);
  EXPECT_EQ(run(read_one)->sense_code(), 0x02040cu) << "nothing of a wrong list is taken";
  ASSERT_TRUE(set({3, 0, 0, 1}, second_)->good());
  EXPECT_EQ(run(ready)->sense_code(), 0x02040cu) << "no change, nothing to tell";
}

TEST_F(PortGroups, WhatNoInitiatorAskedForIsToldToAll) {
  EXPECT_TRUE(unit_->change_access(std::uint16_t{5}, scsi::AccessState::standby));
  EXPECT_EQ(run(ready)->sense_code(), 0x062a06u);
  EXPECT_TRUE(run(ready)->good());
  EXPECT_EQ(run(ready, second_)->sense_code(), 0x062a06u);
  EXPECT_EQ(run(ready, second_)->sense_code(), 0x02040bu);
  EXPECT_EQ(run(report)->data_in().at(21), 2) << "implicitly";
  EXPECT_FALSE(unit_->change_access(std::uint16_t{7}, scsi::AccessState::standby));
  EXPECT_TRUE(unit_->change_access({}, scsi::AccessState::active_optimized));
  EXPECT_EQ(run(ready, second_)->sense_code(), 0x062a06u);
  EXPECT_TRUE(run(ready, second_)->good());
}

TEST_F(UnitControl, ARemovableMediumIsEjectedUnlessThatIsPrevented) {
  LogicalUnitOptions made = options();
  made.removable = true;
  add_unit_in_use(made);
  const scsi::CdbBytes eject{0x1b, 0, 0, 0, 0x02}, load{0x1b, 0, 0, 0, 0x03};
  ASSERT_TRUE(run({0x1e, 0, 0, 0, 1}, second_)->good());
  EXPECT_EQ(run(eject)->sense_code(), 0x055302u);
  ASSERT_TRUE(run({0x1e, 0, 0, 0, 0}, second_)->good());
  ASSERT_TRUE(run(eject)->good());
  EXPECT_EQ(run(ready)->sense_code(), 0x023a00u);
  EXPECT_EQ(run(read_one)->sense_code(), 0x023a00u);
  EXPECT_TRUE(run({0x12, 0, 0, 0, 96})->good());
  ASSERT_TRUE(run(load)->good());
  EXPECT_TRUE(run(ready)->good());
  EXPECT_EQ(run(ready, second_)->sense_code(), 0x062800u);
}

TEST_F(UnitControl, AFixedMediumStays) {
  add_unit_in_use(options());
  EXPECT_EQ(run({0x1b, 0, 0, 0, 0x02})->sense_code(), 0x052400u);
  EXPECT_EQ(run({0x1e})->sense_code(), 0x052000u);
}

TEST_F(UnitControl, SanitizeOverwritesAllOfIt) {
  add_unit_in_use(options());
  ASSERT_TRUE(run(write_one, pattern(512, 1))->good());
  Bytes list{0x82, 0, 0, 4, 'a', 'b', 'c', 'd'};
  ASSERT_TRUE(run({0x48, 0x01, 0, 0, 0, 0, 0, 0, 8}, list)->good());
  for (std::uint8_t lba : {0x00, 0x7f}) {
    const Bytes block = run({0x28, 0, 0, 0, lba, 0xff, 0, 0, 1})->data_in();
    EXPECT_EQ(Bytes(block.begin(), block.begin() + 8), Bytes({'a', 'b', 'c', 'd', 'a', 'b', 'c', 'd'}));
  }
  list[0] = 0;
  EXPECT_EQ(run({0x48, 0x01, 0, 0, 0, 0, 0, 0, 8}, list)->sense_code(), 0x052600u);
  EXPECT_EQ(run({0x48, 0x01, 0, 0, 0, 0, 0, 0, 4}, list)->sense_code(), 0x052400u);
  EXPECT_EQ(run({0x48, 0x02})->sense_code(), 0x052400u) << "erasing is for thin units";
}

TEST_F(UnitControl, CryptographicErasureIsNotThere) {
  LogicalUnitOptions made = options();
  made.thin = true;
  add_unit_in_use(made);
  const auto refused = run({0x48, 0x03});
  EXPECT_EQ(refused->sense_code(), 0x052400u);
  const Bytes sense = refused->sense();
  ASSERT_GE(sense.size(), 18u);
  EXPECT_EQ(Bytes(sense.begin() + 15, sense.begin() + 18), Bytes({0xcc, 0, 1})) << "the SERVICE ACTION";
  // One command: SUPPORT 001b, not there, and 011b, there as the standard has it.
  const auto support = [this](std::uint8_t action) {
    return run({0xa3, 0x0c, 0x02, 0x48, 0, action, 0, 0, 0, 64})->data_in().at(1) & 0x07;
  };
  EXPECT_EQ(support(0x03), 1);
  for (const std::uint8_t action : {0x01, 0x02, 0x1f}) EXPECT_EQ(support(action), 3) << int(action);
  const Bytes all = run({0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 16, 0})->data_in();
  for (std::size_t at = 4; at + 8 <= all.size(); at += 8)
    EXPECT_FALSE(all[at] == 0x48 && all[at + 3] == 0x03);
}

TEST_F(UnitControl, WhileItSanitizesTheUnitIsNotReadyAndARestartGoesOn) {
  std::string content;
  LogicalUnit& unit = add_unit_in_use(options());
  ASSERT_TRUE(unit.keep_record(std::make_unique<MemoryFile>(content), ""));
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write, .skip = 10, .times = 1});
  const Bytes list{0x01, 0, 0, 1, 0x77};
  ASSERT_TRUE(run({0x48, 0x81, 0, 0, 0, 0, 0, 0, 5}, list)->good());
  EXPECT_NE(content.find("job 1 1 0 0 0 77"), std::string::npos) << content;
  settle();
  EXPECT_EQ(run(read_one)->sense_code(), 0x02041bu);
  const Bytes sense = run({0x03, 0, 0, 0, 252})->data_in();
  EXPECT_EQ(sense[2], 0x02);
  EXPECT_EQ(sense[15], 0x80) << "progress";
  EXPECT_GT(sense[16], 0);
  EXPECT_EQ(run({0x48, 0x81, 0, 0, 0, 0, 0, 0, 5}, list)->sense_code(), 0x02041bu);
  // The daemon ends meanwhile, and the next one goes on.
  faults_->release();
  flush();
  const std::string left = content;
  if (left.find("job") != std::string::npos) {
    add_unit(options(1), false, [&](LogicalUnit& again) {
      EXPECT_TRUE(again.keep_record(std::make_unique<MemoryFile>(content), left));
    });
    for (int i = 0; i < 1000 && content.find("job") != std::string::npos; ++i) settle();
    EXPECT_EQ(content.find("job"), std::string::npos);
  }
}

TEST_F(UnitControl, ASanitizeThatARestartWouldForgetIsNotSaidToHaveBegun) {
  std::string content;
  int error = ENOSPC;
  ASSERT_TRUE(add_unit_in_use(options()).keep_record(std::make_unique<MemoryFile>(content, error), ""));
  const Bytes list{0x01, 0, 0, 1, 0x77};
  EXPECT_EQ(run({0x48, 0x81, 0, 0, 0, 0, 0, 0, 5}, list)->sense_code(), 0x044400u);
  flush();
  error = 0;
  EXPECT_TRUE(run({0x48, 0x81, 0, 0, 0, 0, 0, 0, 5}, list)->good());
  flush();
}

TEST_F(UnitControl, AFailedSanitizeIsLeftBehindOnlyAsItAllowed) {
  add_unit_in_use(options());
  const Bytes list{0x01, 0, 0, 1, 0x77};
  for (bool unrestricted : {false, true}) {
    faults_->inject({.operation = StoreOperation::write});
    const std::uint8_t action = unrestricted ? 0x21 : 0x01;
    EXPECT_EQ(run({0x48, action, 0, 0, 0, 0, 0, 0, 5}, list)->sense_code(), 0x033103u);
    EXPECT_EQ(run(read_one)->sense_code(), 0x033103u);
    EXPECT_EQ(run({0x48, 0x1f})->sense_code(), unrestricted ? 0u : 0x052400u);
    faults_->clear();
    EXPECT_TRUE(unrestricted ? run(read_one)->good()
                             : run({0x48, 0x01, 0, 0, 0, 0, 0, 0, 5}, list)->good());
  }
}

TEST_F(UnitControl, FormattingLeavesZeros) {
  add_unit_in_use(options());
  ASSERT_TRUE(run(write_one, pattern(512, 1))->good());
  EXPECT_EQ(run({0x04, 0x08})->sense_code(), 0x052400u);
  EXPECT_EQ(run({0x04, 0x10}, Bytes({0, 0x08, 0, 0}))->sense_code(), 0x052600u) << "IP";
  EXPECT_EQ(run({0x04, 0x10}, Bytes({0, 0, 0, 4}))->sense_code(), 0x052600u) << "a defect";
  ASSERT_TRUE(run({0x04, 0x10}, Bytes({0, 0, 0, 0}))->good());
  EXPECT_THAT(run(read_one)->data_in(), Each(0));
  EXPECT_TRUE(run({0x04})->good());
}

TEST_F(UnitControl, LogPagesCountAndAreSetToZero) {
  add_unit_in_use(options());
  ASSERT_TRUE(run(write_one, Bytes(512))->good());
  ASSERT_TRUE(run(read_one)->good());
  const scsi::CdbBytes statistics{0x4d, 0, 0x59, 0, 0, 0, 0, 1, 0};
  const Bytes told = run(statistics)->data_in();
  EXPECT_EQ(told[15], 1) << "reads";
  EXPECT_EQ(told[23], 1) << "writes";
  ASSERT_TRUE(run({0x4c, 0x02, 0x40})->good());
  EXPECT_EQ(run(statistics)->data_in()[15], 0);
  EXPECT_EQ(run(ready, second_)->sense_code(), 0x062a02u);
  const Bytes pages = run({0x4d, 0, 0x40, 0, 0, 0, 0, 1, 0})->data_in();
  for (std::size_t i = 4; i < pages.size(); ++i) {
    const auto code = static_cast<std::uint8_t>(0x40 | pages[i]);
    EXPECT_TRUE(run({0x4d, 0, code, 0, 0, 0, 0, 1, 0})->good()) << int(pages[i]);
  }
  EXPECT_EQ(run({0x4d, 0, 0x7e, 0, 0, 0, 0, 1, 0})->sense_code(), 0x052400u);
}

TEST_F(UnitControl, LogPagesBeginWithTheParameterThatIsPointedAt) {
  add_unit_in_use(options());
  const auto from = [&](std::uint8_t page, std::uint8_t pointer) {
    return run({0x4d, 0, static_cast<std::uint8_t>(0x40 | page), 0, 0, 0, pointer, 1, 0});
  };
  // Write errors have the parameters 3, 5 and 6, each of 12 bytes.
  const std::array<int, 3> beginnings[] = {{0, 3, 3}, {3, 3, 3}, {4, 5, 2}, {5, 5, 2}, {6, 6, 1}};
  for (const auto& [pointer, first, count] : beginnings) {
    const Bytes page = from(0x02, static_cast<std::uint8_t>(pointer))->data_in();
    ASSERT_EQ(page.size(), 4u + 12u * static_cast<unsigned>(count)) << pointer;
    EXPECT_EQ(page[3], 12 * count) << pointer;
    EXPECT_EQ(page[5], first) << pointer;
  }
  const std::array<int, 2> ends[] = {{0x02, 6}, {0x06, 0}, {0x0d, 0}, {0x19, 3}, {0x00, 0}};
  for (const auto& [page, last] : ends) {
    EXPECT_TRUE(from(static_cast<std::uint8_t>(page), static_cast<std::uint8_t>(last))->good()) << page;
    const auto beyond = from(static_cast<std::uint8_t>(page), static_cast<std::uint8_t>(last + 1));
    EXPECT_EQ(beyond->sense_code(), 0x052400u) << page;
    EXPECT_EQ(beyond->sense()[17], 5) << page;
  }
}

TEST_F(UnitControl, LogSelectResetsCountersWhereItSaysSo) {
  add_unit_in_use(options());
  const scsi::CdbBytes statistics{0x4d, 0, 0x59, 0, 0, 0, 0, 1, 0};
  struct Row {
    std::uint8_t flags, control;
    bool resets;
  };
  // SPC-4 table 186: PCR, and PC.
  for (const Row& row : {Row{0x00, 0x00, false}, Row{0x00, 0x40, false}, Row{0x00, 0x80, false},
                         Row{0x00, 0xc0, true}, Row{0x02, 0x00, true}, Row{0x02, 0x80, true}}) {
    ASSERT_TRUE(run(read_one)->good());
    const int before = run(statistics)->data_in()[15];
    ASSERT_TRUE(run({0x4c, row.flags, row.control})->good());
    EXPECT_EQ(run(statistics)->data_in()[15], row.resets ? 0 : before) << int(row.flags) << ' ' << int(row.control);
    EXPECT_EQ(run(ready, second_)->sense_code(), row.resets ? 0x062a02u : 0u) << int(row.flags);
  }
}

TEST_F(UnitControl, ModifiersOfNoPowerConditionArePointedAtAndStandbyFlushes) {
  LogicalUnitOptions made = options();
  made.write_back = true;
  add_unit_in_use(made);
  for (unsigned condition = 0; condition < 16; ++condition) {
    const unsigned last = condition == 2 || condition == 0xa ? 2 : condition == 3 || condition == 0xb ? 1 : 0;
    for (unsigned modifier = 0; modifier < 16; ++modifier) {
      const auto answer = run({0x1b, 0, 0, static_cast<std::uint8_t>(modifier),
                               static_cast<std::uint8_t>(condition << 4 | 1)});
      EXPECT_EQ(answer->good(), modifier <= last) << condition << ' ' << modifier;
      if (answer->good()) continue;
      EXPECT_EQ(answer->sense_code(), 0x052400u);
      EXPECT_EQ(answer->sense()[17], 3);
    }
  }
  store_->operations.clear();
  ASSERT_TRUE(run({0x1b, 0, 0, 0, 0x34})->good());
  EXPECT_EQ(store_->operations.size(), 0u) << "NO_FLUSH";
  ASSERT_TRUE(run({0x1b, 0, 0, 0, 0x30})->good());
  EXPECT_EQ(store_->operations.back(), StoreOperation::flush) << "standby";
}

TEST_F(UnitControl, AModeThatCannotBeSavedIsNotGranted) {
  std::string content;
  int error = 0;
  add_unit(options(), false, [&](LogicalUnit& unit) {
    ASSERT_TRUE(unit.keep_record(std::make_unique<MemoryFile>(content, error), ""));
  });
  for (Nexus* nexus : {&first_, &second_}) run(ready, *nexus);
  const Bytes protect{0, 0, 0, 0, 0x0a, 10, 0x20, 0x10, 0x08, 0, 0, 0, 0, 0, 0, 0};
  const scsi::CdbBytes select_and_save{0x15, 0x11, 0, 0, 16}, current{0x1a, 0x08, 0x0a, 0, 16},
      saved{0x1a, 0x08, 0xca, 0, 16};
  error = EIO;
  EXPECT_EQ(run(select_and_save, protect)->sense_code(), 0x044400u);
  EXPECT_EQ(run(current)->data_in()[8], 0) << "SWP";
  EXPECT_EQ(run(saved)->data_in()[8], 0);
  EXPECT_TRUE(run(ready, second_)->good()) << "nothing has changed";
  error = 0;
  EXPECT_TRUE(run(select_and_save, protect)->good());
  EXPECT_EQ(run(saved)->data_in()[8], 0x08);
  EXPECT_EQ(run(ready, second_)->sense_code(), 0x062a01u);
}

}  // namespace
}  // namespace holdfast::target
