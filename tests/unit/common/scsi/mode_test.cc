#include "common/scsi/mode.h"

#include <gmock/gmock.h>

#include "tests/unit/common/scsi/bytes.h"

namespace holdfast::scsi {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

const Geometry disk{.blocks = 0x0020'0000, .block_bytes = 512, .physical_block_bytes = 4096};

Bytes mode_data(const ModeSense& command, bool write_cache = false, bool protect = false) {
  const auto answer = mode_sense(
      command, {.geometry = disk, .write_cache_enabled = write_cache, .write_protected = protect});
  const ParameterData* data = std::get_if<ParameterData>(&answer);
  EXPECT_NE(data, nullptr);
  return data == nullptr ? Bytes{} : bytes_of(*data);
}

Sense mode_refusal(const ModeSense& command) {
  const auto answer = mode_sense(command, {.geometry = disk});
  const Sense* sense = std::get_if<Sense>(&answer);
  EXPECT_NE(sense, nullptr);
  return sense == nullptr ? Sense{} : *sense;
}

TEST(ModeSense, SixByteHeaderWithBlockDescriptorAndCachingPage) {
  Bytes expected{31, 0, 0x10, 8, 0x00, 0x20, 0x00, 0x00, 0, 0, 2, 0, 0x08, 18, 0x04};
  expected.resize(32);
  EXPECT_THAT(mode_data({.page = 0x08}, true), ElementsAreArray(expected));
}

TEST(ModeSense, WriteProtectAndWriteCacheAreWhatTheUnitSays) {
  EXPECT_EQ(mode_data({.page = 0x08}, false, true)[2], 0x90);
  EXPECT_EQ(mode_data({.page = 0x08}, false, true)[14], 0x00);
  EXPECT_EQ(mode_data({.page = 0x08}, true, false)[14], 0x04);
}

TEST(ModeSense, TenByteHeaderWithALongDescriptor) {
  const Bytes data = mode_data({.ten = true, .long_lba_accepted = true, .page = 0x0a});
  EXPECT_THAT(slice(data, 0, 8), ElementsAre(0, 34, 0, 0x10, 1, 0, 0, 16));
  EXPECT_THAT(slice(data, 8, 16),
              ElementsAre(0, 0, 0, 0, 0x00, 0x20, 0x00, 0x00, 0, 0, 0, 0, 0, 0, 2, 0));
  EXPECT_THAT(slice(data, 24, 12), ElementsAre(0x0a, 10, 0x20, 0x10, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(ModeSense, DisableBlockDescriptorsLeavesThemOut) {
  const Bytes data = mode_data({.ten = true, .disable_block_descriptors = true, .page = 0x1c});
  EXPECT_THAT(data,
              ElementsAre(0, 18, 0, 0x10, 0, 0, 0, 0, 0x1c, 10, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(ModeSense, AllPagesComeInOrderAndSubpagesOnlyWhenAskedFor) {
  const Bytes pages = mode_data({.disable_block_descriptors = true, .page = 0x3f});
  ASSERT_EQ(pages.size(), 4u + 20 + 12 + 12);
  EXPECT_EQ(pages[4], 0x08);
  EXPECT_EQ(pages[24], 0x0a);
  EXPECT_EQ(pages[36], 0x1c);

  const Bytes all = mode_data({.disable_block_descriptors = true, .page = 0x3f, .subpage = 0xff});
  ASSERT_EQ(all.size(), 4u + 20 + 12 + 32 + 12);
  EXPECT_THAT(slice(all, 36, 4), ElementsAre(0x4a, 0x01, 0, 28));
  EXPECT_EQ(all[0], all.size() - 1);

  const Bytes control =
      mode_data({.disable_block_descriptors = true, .page = 0x0a, .subpage = 0xff});
  EXPECT_EQ(control.size(), 4u + 12 + 32);
}

TEST(ModeSense, NothingIsChangeableOrSaved) {
  const Bytes mask = mode_data(
      {.disable_block_descriptors = true, .control = PageControl::changeable, .page = 0x0a});
  EXPECT_THAT(slice(mask, 4, 12), ElementsAre(0x0a, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(mode_data({.control = PageControl::defaults, .page = 0x0a}), mode_data({.page = 0x0a}));
  EXPECT_EQ(mode_refusal({.control = PageControl::saved, .page = 0x0a}).additional,
            additional_sense::saving_parameters_not_supported);
}

TEST(ModeSense, PagesThatAreNotThereAreInvalidFields) {
  EXPECT_EQ(mode_refusal({.page = 0x19}), invalid_field_in_cdb(2, 5));
  EXPECT_EQ(mode_refusal({.page = 0x08, .subpage = 0x01}), invalid_field_in_cdb(3));
  EXPECT_EQ(mode_refusal({.page = 0x3f, .subpage = 0x07}), invalid_field_in_cdb(3));
}

TEST(ModeSense, ABlockCountBeyond32BitsIsSaturatedInTheShortDescriptor) {
  const Geometry large{.blocks = 0x1'0000'0000, .block_bytes = 4096, .physical_block_bytes = 4096};
  const auto answer = mode_sense({.page = 0x08}, {.geometry = large});
  EXPECT_THAT(slice(bytes_of(std::get<ParameterData>(answer)), 4, 8),
              ElementsAre(0xff, 0xff, 0xff, 0xff, 0, 0, 0x10, 0));
}

}  // namespace
}  // namespace holdfast::scsi
