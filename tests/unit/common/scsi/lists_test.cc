// Parameter lists and small parameter data.

#include <gmock/gmock.h>

#include "common/scsi/defect_data.h"
#include "common/scsi/lba_status.h"
#include "common/scsi/supported_tmfs.h"
#include "common/scsi/unmap_list.h"
#include "tests/unit/common/scsi/bytes.h"

namespace holdfast::scsi {
namespace {

using ::testing::ElementsAre;

constexpr Geometry disk{.blocks = 1000};

Bytes unmap_list(std::initializer_list<std::pair<std::uint64_t, std::uint32_t>> ranges) {
  ParameterData data;
  const auto bytes = static_cast<std::uint16_t>(16 * ranges.size());
  data.put_be16(static_cast<std::uint16_t>(bytes + 6));
  data.put_be16(bytes);
  data.put_zeros(4);
  for (const auto& [lba, blocks] : ranges) {
    data.put_be64(lba);
    data.put_be32(blocks);
    data.put_zeros(4);
  }
  return bytes_of(data);
}

Sense refusal(const Bytes& list) {
  const auto read = read_unmap_list(list, disk);
  const Sense* sense = std::get_if<Sense>(&read);
  EXPECT_NE(sense, nullptr);
  return sense == nullptr ? Sense{} : *sense;
}

std::vector<std::pair<std::uint64_t, std::uint32_t>> ranges_of(const Bytes& list) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> found;
  const auto read = read_unmap_list(list, disk);
  if (const auto* ranges = std::get_if<std::vector<BlockRange>>(&read))
    for (const BlockRange& range : *ranges) found.emplace_back(range.lba, range.blocks);
  else
    ADD_FAILURE() << "the list was refused";
  return found;
}

TEST(UnmapList, NamesRangesOfTheMedium) {
  EXPECT_TRUE(ranges_of({}).empty());
  EXPECT_TRUE(ranges_of(unmap_list({})).empty());
  EXPECT_THAT(ranges_of(unmap_list({{5, 10}, {7, 0}, {999, 1}, {1000, 0}})),
              ElementsAre(std::pair(5u, 10u), std::pair(999u, 1u)));
}

TEST(UnmapList, WhatIsCutOffIsPassedOver) {
  Bytes list = unmap_list({{5, 10}, {20, 1}});
  list.resize(list.size() - 1);
  EXPECT_THAT(ranges_of(list), ElementsAre(std::pair(5u, 10u)));
  list = unmap_list({{5, 10}, {20, 1}});
  list[3] = 16;  // BLOCK DESCRIPTOR DATA LENGTH says one
  EXPECT_THAT(ranges_of(list), ElementsAre(std::pair(5u, 10u)));
}

TEST(UnmapList, PointsAtWhatIsWrong) {
  EXPECT_EQ(refusal(Bytes(7)).additional, additional_sense::parameter_list_length_error);
  const Sense beyond = refusal(unmap_list({{5, 10}, {991, 10}}));
  EXPECT_EQ(beyond.additional, additional_sense::logical_block_address_out_of_range);
  EXPECT_EQ(beyond.field, (FieldPointer{24, {}, true}));
  EXPECT_EQ(refusal(unmap_list({{0xffff'ffff'ffff'ffff, 2}})).field, (FieldPointer{8, {}, true}));
  Bytes reserved = unmap_list({{5, 10}});
  reserved[20] = 1;
  EXPECT_EQ(refusal(reserved), invalid_field_in_parameter_list(20));
  Bytes many(8 + 16 * (unmap_descriptors_max + 1));
  many[2] = 0x10;
  many[3] = 0x10;
  EXPECT_EQ(refusal(many), invalid_field_in_parameter_list(2));
}

TEST(LbaStatus, HasADescriptorForEachStretch) {
  const LbaStatus statuses[] = {{1, 2, ProvisioningStatus::mapped},
                                {3, 0x01020304, ProvisioningStatus::anchored}};
  EXPECT_THAT(bytes_of(lba_status(statuses)),
              ElementsAre(0, 0, 0, 36, 0, 0, 0, 0,                          //
                          0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0,  //
                          0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4, 2, 0, 0, 0));
}

TEST(DefectData, IsEmptyInEveryFormatThatThereIs) {
  const auto ten = read_defect_data({.primary_list = true, .format = 5, .allocation_bytes = 8});
  EXPECT_THAT(bytes_of(std::get<ParameterData>(ten)), ElementsAre(0, 0x15, 0, 0));
  const auto twelve = read_defect_data({.twelve = true, .grown_list = true, .format = 4});
  EXPECT_THAT(bytes_of(std::get<ParameterData>(twelve)), ElementsAre(0, 0x0c, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(std::get<Sense>(read_defect_data({.format = 7})), invalid_field_in_cdb(2, 2));
  EXPECT_EQ(std::get<Sense>(read_defect_data({.twelve = true, .format = 7})),
            invalid_field_in_cdb(1, 2));
}

TEST(SupportedTmfs, AreThoseThatTheTargetCarriesOut) {
  EXPECT_THAT(bytes_of(report_supported_tmfs({})), ElementsAre(0xda, 0, 0, 0));
  const Bytes extended = bytes_of(report_supported_tmfs({.extended = true}));
  EXPECT_EQ(extended.size(), 16u);
  EXPECT_EQ(extended[3], 12);
}

}  // namespace
}  // namespace holdfast::scsi
