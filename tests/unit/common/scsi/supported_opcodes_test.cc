#include "common/scsi/supported_opcodes.h"

#include <gmock/gmock.h>

#include "common/scsi/cdb_table.h"
#include "tests/unit/common/scsi/bytes.h"

namespace holdfast::scsi {
namespace {

using ::testing::ElementsAre;
constexpr CommandSet all{.thin = true, .removable = true};
using Options = ReportSupportedOpcodes::Options;

Bytes report(const ReportSupportedOpcodes& command) {
  const auto answer = report_supported_opcodes(command, all);
  const ParameterData* data = std::get_if<ParameterData>(&answer);
  EXPECT_NE(data, nullptr);
  return data == nullptr ? Bytes{} : bytes_of(*data);
}

bool is_refused(const ReportSupportedOpcodes& command) {
  return std::holds_alternative<Sense>(report_supported_opcodes(command, all));
}

TEST(ReportSupportedOpcodes, AllOfThemHaveADescriptor) {
  const Bytes plain = report({});
  EXPECT_EQ(plain.size(), 4 + 8 * cdb_table().size());
  EXPECT_EQ((plain[2] << 8 | plain[3]) + 4u, plain.size());
  EXPECT_THAT(slice(plain, 4, 8), ElementsAre(0x00, 0, 0, 0, 0, 0x00, 0, 6));
  const Bytes timed = report({.timeouts = true});
  EXPECT_EQ(timed.size(), 4 + 20 * cdb_table().size());
  EXPECT_THAT(slice(timed, 4, 12), ElementsAre(0x00, 0, 0, 0, 0, 0x02, 0, 6, 0, 10, 0, 0));
}

TEST(ReportSupportedOpcodes, OneHasItsUsageMap) {
  EXPECT_THAT(report({.options = Options::opcode, .opcode = 0x28}),
              ElementsAre(0, 3, 0, 10, 0x28, 0x18, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0));
  const Bytes timed = report({.options = Options::opcode, .timeouts = true, .opcode = 0x00});
  EXPECT_THAT(slice(timed, 0, 12), ElementsAre(0, 0x83, 0, 6, 0, 0, 0, 0, 0, 0, 0, 10));
  const Bytes capacity =
      report({.options = Options::service_action, .opcode = 0x9e, .service_action = 0x10});
  EXPECT_THAT(slice(capacity, 0, 6), ElementsAre(0, 3, 0, 16, 0x9e, 0x10));
}

TEST(ReportSupportedOpcodes, ALongOneHasAllOfItsUsageMap) {
  const Bytes same =
      report({.options = Options::service_action, .opcode = 0x7f, .service_action = 0x0d});
  ASSERT_EQ(same.size(), 4u + 32u);
  EXPECT_THAT(slice(same, 0, 16),
              ElementsAre(0, 5, 0, 32, 0x7f, 0, 0, 0, 0, 0, 0x1f, 0x18, 0x00, 0x0d, 0x19, 0));
  EXPECT_EQ(slice(same, 16, 20), Bytes(20, 0xff));
  EXPECT_THAT(report({.options = Options::service_action, .opcode = 0x7f, .service_action = 0x09}),
              ElementsAre(0, 1, 0, 0));
  EXPECT_TRUE(is_refused({.options = Options::opcode, .opcode = 0x7f}));
}

TEST(ReportSupportedOpcodes, WhatWeLackIsNotSupported) {
  EXPECT_THAT(report({.options = Options::opcode, .opcode = 0x05}), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(report({.options = Options::service_action, .opcode = 0x9e, .service_action = 0x13}),
              ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(report({.options = Options::either, .opcode = 0x28, .service_action = 1}),
              ElementsAre(0, 1, 0, 0));
}

TEST(ReportSupportedOpcodes, WhatAUnitLacksIsNotSupportedByIt) {
  const ReportSupportedOpcodes unmap{.options = Options::opcode, .opcode = 0x42};
  EXPECT_EQ(report(unmap)[1], 3);
  const auto lacking = report_supported_opcodes(unmap, {});
  EXPECT_EQ(bytes_of(std::get<ParameterData>(lacking)), Bytes({0, 1, 0, 0}));
}

TEST(ReportSupportedOpcodes, TheOptionMustFitTheOperationCode) {
  EXPECT_TRUE(is_refused({.options = Options::opcode, .opcode = 0x9e}));
  EXPECT_TRUE(is_refused({.options = Options::service_action, .opcode = 0x28}));
  EXPECT_FALSE(is_refused({.options = Options::either, .opcode = 0x28}));
  EXPECT_FALSE(is_refused({.options = Options::either, .opcode = 0xa3, .service_action = 0x0c}));
}

}  // namespace
}  // namespace holdfast::scsi
