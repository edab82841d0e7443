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
  constexpr std::size_t before_caching = 4 + 12 + 16 + 24 + 24;
  ASSERT_EQ(pages.size(), before_caching + 20 + 12 + 12);
  EXPECT_EQ(pages[4], 0x01);
  EXPECT_EQ(pages[16], 0x02);
  EXPECT_EQ(pages[32], 0x03);
  EXPECT_EQ(pages[56], 0x04);
  EXPECT_EQ(pages[before_caching], 0x08);
  EXPECT_EQ(pages[before_caching + 20], 0x0a);
  EXPECT_EQ(pages[before_caching + 32], 0x1c);

  const Bytes all = mode_data({.disable_block_descriptors = true, .page = 0x3f, .subpage = 0xff});
  ASSERT_EQ(all.size(), before_caching + 20 + 12 + 32 + 12);
  EXPECT_THAT(slice(all, before_caching + 32, 4), ElementsAre(0x4a, 0x01, 0, 28));
  EXPECT_EQ(all[0], all.size() - 1);

  const Bytes control =
      mode_data({.disable_block_descriptors = true, .page = 0x0a, .subpage = 0xff});
  EXPECT_EQ(control.size(), 4u + 12 + 32);
}

TEST(ModeSense, DSenseAndSwpAreChangeableAndSavedWhereThereIsRoom) {
  const Bytes mask = mode_data(
      {.disable_block_descriptors = true, .control = PageControl::changeable, .page = 0x0a});
  EXPECT_THAT(slice(mask, 4, 12), ElementsAre(0x0a, 10, 0x04, 0, 0x08, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(mode_data({.control = PageControl::defaults, .page = 0x0a}), mode_data({.page = 0x0a}));
  EXPECT_EQ(mode_refusal({.control = PageControl::saved, .page = 0x0a}).additional,
            additional_sense::saving_parameters_not_supported);
  const ModeParameters unit{.geometry = disk,
                            .current = {.descriptor_sense = true},
                            .saved = ModeValues{.software_write_protect = true}};
  const auto page = [&unit](PageControl control) {
    const auto answer =
        mode_sense({.disable_block_descriptors = true, .control = control, .page = 0x0a}, unit);
    return slice(bytes_of(std::get<ParameterData>(answer)), 4, 5);
  };
  EXPECT_THAT(page(PageControl::current), ElementsAre(0x8a, 10, 0x24, 0x10, 0));
  EXPECT_THAT(page(PageControl::saved), ElementsAre(0x8a, 10, 0x20, 0x10, 0x08));
  EXPECT_THAT(page(PageControl::defaults), ElementsAre(0x8a, 10, 0x20, 0x10, 0));
}

class ModeSelectTest : public ::testing::Test {
 protected:
  /// What MODE SENSE gives of one page, as MODE SELECT takes it.
  static Bytes sensed(const ModeSense& command) {
    Bytes list = mode_data(command);
    list[0] = 0;
    if (command.ten) list[1] = 0;
    return list;
  }
  static std::variant<ModeValues, Sense> select(const Bytes& list, const ModeSelect& command = {
                                                                       .page_format = true}) {
    return mode_select(command, list, {.geometry = disk});
  }
  static Sense refusal(const Bytes& list, const ModeSelect& command = {.page_format = true}) {
    const auto answer = select(list, command);
    const Sense* sense = std::get_if<Sense>(&answer);
    EXPECT_NE(sense, nullptr);
    return sense == nullptr ? Sense{} : *sense;
  }
};

TEST_F(ModeSelectTest, TakesBackWhatModeSenseGaveAndChangesNothing) {
  for (std::uint8_t page : {0x01, 0x02, 0x03, 0x04, 0x08, 0x0a, 0x1c, 0x3f}) {
    EXPECT_EQ(std::get<ModeValues>(select(sensed({.page = page, .subpage = 0xff}))), ModeValues{})
        << int(page);
    const ModeSelect ten{.ten = true, .page_format = true};
    for (bool long_lba : {false, true})
      EXPECT_EQ(std::get<ModeValues>(select(
                    sensed({.ten = true, .long_lba_accepted = long_lba, .page = page}), ten)),
                ModeValues{});
  }
  EXPECT_EQ(std::get<ModeValues>(select({})), ModeValues{});
}

TEST_F(ModeSelectTest, ChangesDSenseAndSwp) {
  Bytes list = sensed({.disable_block_descriptors = true, .page = 0x0a});
  list[6] |= 0x04;
  list[8] |= 0x08;
  const ModeValues both{.descriptor_sense = true, .software_write_protect = true};
  EXPECT_EQ(std::get<ModeValues>(select(list)), both);
}

TEST_F(ModeSelectTest, EveryOtherBitThatChangesIsPointedAt) {
  const Bytes good = sensed({.page = 0x0a});
  for (std::size_t byte = 0; byte < good.size(); ++byte) {
    for (std::uint8_t bit = 0; bit < 8; ++bit) {
      const bool passed_over = byte == 1 || byte == 2 || byte == 8;  // medium type, WP; density
      // A count of blocks of all zeros or all ones stands for the medium's own.
      const bool blocks = byte >= 4 && byte < 8;
      const bool changeable = blocks || (byte == 14 && bit == 2) || (byte == 16 && bit == 3);
      if (passed_over || changeable) continue;
      Bytes bad = good;
      bad[byte] ^= static_cast<std::uint8_t>(1u << bit);
      const auto answer = select(bad);
      ASSERT_TRUE(std::holds_alternative<Sense>(answer)) << "byte " << byte << " bit " << int(bit);
      const Sense sense = std::get<Sense>(answer);
      EXPECT_EQ(sense.key, SenseKey::illegal_request);
    }
  }
  Bytes bad = good;
  bad[15] ^= 0x80;
  EXPECT_EQ(refusal(bad), invalid_field_in_parameter_list(15, 7));
}

TEST_F(ModeSelectTest, ATruncatedListIsTooShort) {
  const Bytes good = sensed({.page = 0x08});
  for (std::size_t bytes : {std::size_t{1}, std::size_t{3}, std::size_t{8}, std::size_t{13}, good.size() - 1})
    EXPECT_EQ(refusal({good.begin(), good.begin() + std::ptrdiff_t(bytes)}).additional,
              additional_sense::parameter_list_length_error)
        << bytes;
}

TEST_F(ModeSelectTest, TheFormatMustBeOursAndSavingPossible) {
  EXPECT_EQ(refusal({}, {}), invalid_field_in_cdb(1, 4));
  EXPECT_EQ(refusal({}, {.page_format = true, .save = true}), invalid_field_in_cdb(1, 0));
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
