#include "common/scsi/sense.h"

#include <gmock/gmock.h>

#include "tests/unit/common/scsi/bytes.h"

namespace holdfast::scsi {
namespace {

using ::testing::ElementsAre;

Bytes encoded(const Sense& sense, SenseFormat format) {
  const SenseBytes bytes = sense.encode(format);
  return {bytes.bytes.begin(), bytes.bytes.begin() + bytes.size};
}

TEST(Sense, FixedFormatHasTheFieldPointerInItsLastThreeBytes) {
  EXPECT_THAT(encoded(invalid_field_in_cdb(1, 7), SenseFormat::fixed),
              ElementsAre(0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0x00, 0, 0xcf, 0, 1));
  EXPECT_THAT(encoded(invalid_field_in_cdb(10), SenseFormat::fixed),
              ElementsAre(0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0x00, 0, 0xc0, 0, 10));
}

TEST(Sense, AFieldOfAParameterListIsToldFromOneOfTheCdb) {
  EXPECT_THAT(encoded(invalid_field_in_parameter_list(20, 3), SenseFormat::fixed),
              ElementsAre(0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x26, 0x00, 0, 0x8b, 0, 20));
}

TEST(Sense, FixedFormatSaysValidWithAnInformation) {
  const Sense sense{.key = SenseKey::medium_error,
                    .additional = additional_sense::unrecovered_read_error,
                    .information = 0x12345678};
  EXPECT_THAT(
      encoded(sense, SenseFormat::fixed),
      ElementsAre(0xf0, 0, 0x03, 0x12, 0x34, 0x56, 0x78, 10, 0, 0, 0, 0, 0x11, 0x00, 0, 0, 0, 0));
}

TEST(Sense, FixedFormatLeavesOutAnInformationThatDoesNotFit) {
  const Sense sense{.key = SenseKey::medium_error, .information = 0x1'0000'0000};
  EXPECT_THAT(encoded(sense, SenseFormat::fixed),
              ElementsAre(0x70, 0, 0x03, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(Sense, DescriptorFormatHasADescriptorForEachThingItTells) {
  EXPECT_THAT(encoded(Sense{}, SenseFormat::descriptor), ElementsAre(0x72, 0, 0, 0, 0, 0, 0, 0));
  Sense sense = invalid_field_in_cdb(2, 5);
  sense.information = 0x0102030405060708;
  EXPECT_THAT(encoded(sense, SenseFormat::descriptor),
              ElementsAre(0x72, 0x05, 0x24, 0x00, 0, 0, 0, 20,        //
                          0x00, 10, 0x80, 0, 1, 2, 3, 4, 5, 6, 7, 8,  //
                          0x02, 6, 0, 0, 0xcd, 0, 2, 0));
}

TEST(Sense, DeferredErrorsHaveTheirOwnResponseCodes) {
  const Sense sense{
      .key = SenseKey::medium_error, .additional = additional_sense::write_error, .deferred = true};
  EXPECT_EQ(encoded(sense, SenseFormat::fixed)[0], 0x71);
  EXPECT_EQ(encoded(sense, SenseFormat::descriptor)[0], 0x73);
}

}  // namespace
}  // namespace holdfast::scsi
