#include "common/scsi/cdb.h"

#include <gtest/gtest.h>
#include <random>

#include "common/scsi/cdb_table.h"

namespace holdfast::scsi {
namespace {

template <typename T>
T decoded(const CdbBytes& bytes) {
  const Cdb cdb = decode_cdb(bytes);
  if (const Refused* refused = std::get_if<Refused>(&cdb)) {
    const FieldPointer field = refused->sense.field.value_or(FieldPointer{});
    ADD_FAILURE() << "refused for byte " << field.byte << " bit " << int(field.bit.value_or(99));
    return {};
  }
  const T* value = std::get_if<T>(&cdb);
  EXPECT_NE(value, nullptr) << "decoded as alternative " << cdb.index();
  return value == nullptr ? T{} : *value;
}

Sense refusal(const CdbBytes& bytes) {
  const Cdb cdb = decode_cdb(bytes);
  const Refused* refused = std::get_if<Refused>(&cdb);
  EXPECT_NE(refused, nullptr) << "accepted as alternative " << cdb.index();
  return refused == nullptr ? Sense{} : refused->sense;
}

TEST(Cdb, SixByteRangesHave21BitsAndZeroMeans256Blocks) {
  const auto read = decoded<Read>({0x08, 0x1f, 0xff, 0xfe, 3, 0});
  EXPECT_EQ(read.range.lba, 0x1f'fffeu);
  EXPECT_EQ(read.range.blocks, 3u);
  EXPECT_FALSE(read.force_unit_access);
  EXPECT_EQ(decoded<Write>({0x0a, 0, 0, 0, 0, 0}).range.blocks, 256u);
  // Where the longer ones have FUA there are address bits.
  EXPECT_FALSE(decoded<Read>({0x08, 0x08, 0, 0, 1, 0}).force_unit_access);
}

TEST(Cdb, TenByteRanges) {
  const auto read = decoded<Read>({0x28, 0x08, 0x01, 0x02, 0x03, 0x04, 0, 0xab, 0xcd, 0});
  EXPECT_EQ(read.range.lba, 0x01020304u);
  EXPECT_EQ(read.range.blocks, 0xabcdu);
  EXPECT_TRUE(read.force_unit_access);
  EXPECT_FALSE(decoded<Write>({0x2a, 0x10, 0, 0, 0, 1, 0, 0, 1, 0}).force_unit_access);
  EXPECT_EQ(decoded<Write>({0x2a, 0, 0, 0, 0, 1, 0, 0, 0, 0}).range.blocks, 0u);
}

TEST(Cdb, TwelveAndSixteenByteRanges) {
  const auto twelve = decoded<Read>({0xa8, 0x18, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0});
  EXPECT_EQ(twelve.range.lba, 0x01020304u);
  EXPECT_EQ(twelve.range.blocks, 0x05060708u);
  EXPECT_TRUE(twelve.force_unit_access);
  const auto sixteen = decoded<Write>({0x8a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0});
  EXPECT_EQ(sixteen.range.lba, 0x0102030405060708u);
  EXPECT_EQ(sixteen.range.blocks, 0x090a0b0cu);
}

TEST(Cdb, VerifyTakesByteCheck0And1And3) {
  EXPECT_EQ(decoded<Verify>({0x2f, 0x10, 0, 0, 0, 0, 0, 0, 1, 0}).byte_check, ByteCheck::none);
  EXPECT_EQ(decoded<Verify>({0x2f, 0x02, 0, 0, 0, 0, 0, 0, 1, 0}).byte_check, ByteCheck::all);
  EXPECT_EQ(decoded<Verify>({0x8f, 0x06}).byte_check, ByteCheck::one_block);
  EXPECT_EQ(decoded<Verify>({0xaf, 0x02}).byte_check, ByteCheck::all);
  for (std::uint8_t code : {0x2e, 0x2f, 0x8e, 0x8f, 0xae, 0xaf})
    EXPECT_EQ(refusal({code, 0x04}), invalid_field_in_cdb(1, 2));
  EXPECT_EQ(decoded<WriteAndVerify>({0x2e, 0x02, 0, 0, 0, 9, 0, 0, 3}).range.blocks, 3u);
}

TEST(Cdb, AtomicCommandsHaveTheirLengthsWhereSbcPutsThem) {
  const auto compare = decoded<CompareAndWrite>({0x89, 0x08, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 7});
  EXPECT_EQ(compare.range.lba, 0x0102u);
  EXPECT_EQ(compare.range.blocks, 7u);
  EXPECT_TRUE(compare.force_unit_access);
  EXPECT_EQ(refusal({0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7}), invalid_field_in_cdb(12, 7));
  const auto atomic =
      decoded<WriteAtomic>({0x9c, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0x01, 0x02, 0x03, 0x04});
  EXPECT_EQ(atomic.range.lba, 5u);
  EXPECT_EQ(atomic.boundary_blocks, 0x0102u);
  EXPECT_EQ(atomic.range.blocks, 0x0304u);
  EXPECT_EQ(
      decoded<OrWrite>({0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}).range.blocks, 256u);
}

TEST(Cdb, ProvisioningCommands) {
  const auto same = decoded<WriteSame>({0x93, 0x19, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2});
  EXPECT_TRUE(same.unmap && same.anchor && same.no_data_out);
  EXPECT_FALSE(decoded<WriteSame>({0x41, 0x08, 0, 0, 0, 0, 0, 0, 1}).no_data_out);
  EXPECT_EQ(refusal({0x41, 0x01}), invalid_field_in_cdb(1, 2));
  EXPECT_EQ(decoded<Unmap>({0x42, 0x01, 0, 0, 0, 0, 0, 1, 2}).parameter_bytes, 0x0102u);
  EXPECT_EQ(decoded<GetLbaStatus>({0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 24}).lba, 9u);
  const Cdb lacking = decode_cdb({0x42}, {.thin = false});
  EXPECT_EQ(std::get<Refused>(lacking).sense.additional,
            additional_sense::invalid_command_operation_code);
}

TEST(Cdb, SynchronizeCacheAndStartStopUnit) {
  EXPECT_TRUE(decoded<SynchronizeCache>({0x35, 0x02}).immediate);
  EXPECT_EQ(decoded<SynchronizeCache>({0x91, 0, 0, 0, 0, 0, 0, 0, 0, 7}).range.lba, 7u);
  EXPECT_TRUE(decoded<StartStopUnit>({0x1b, 0, 0, 0, 0x01}).start);
  EXPECT_TRUE(decoded<StartStopUnit>({0x1b, 0x01, 0, 0, 0x04}).no_flush);
  EXPECT_TRUE(decoded<StartStopUnit>({0x1b, 0, 0, 0, 0x02}).load_eject);
  EXPECT_EQ(decoded<StartStopUnit>({0x1b, 0, 0, 0, 0x30}).power_condition, 3);
}

TEST(Cdb, CommandsThatAsk) {
  EXPECT_EQ(decoded<RequestSense>({0x03, 1, 0, 0, 252}).format, SenseFormat::descriptor);
  EXPECT_EQ(decoded<RequestSense>({0x03, 0, 0, 0, 252}).allocation_bytes, 252u);
  const auto inquiry = decoded<Inquiry>({0x12, 1, 0x83, 0x01, 0x02});
  EXPECT_TRUE(inquiry.vital_product_data);
  EXPECT_EQ(inquiry.page, 0x83);
  EXPECT_EQ(inquiry.allocation_bytes, 0x0102u);
  const auto sense = decoded<ModeSense>({0x5a, 0x18, 0x4a, 0x01, 0, 0, 0, 2, 3});
  EXPECT_TRUE(sense.ten && sense.disable_block_descriptors && sense.long_lba_accepted);
  EXPECT_EQ(sense.control, PageControl::changeable);
  EXPECT_EQ(sense.page, 0x0a);
  EXPECT_EQ(sense.subpage, 0x01);
  EXPECT_EQ(sense.allocation_bytes, 0x0203u);
  EXPECT_EQ(
      decoded<ReadCapacity16>({0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32}).allocation_bytes,
      32u);
  EXPECT_EQ(decoded<ReportLuns>({0xa0, 0, 2, 0, 0, 0, 0, 1, 0, 0}).allocation_bytes, 65'536u);
}

TEST(Cdb, UnknownOperationCodesAreNamedAsSuch) {
  for (std::uint8_t code : {0x05, 0x1c, 0x3b, 0x9f, 0xff}) {
    EXPECT_EQ(refusal({code}), illegal_request(additional_sense::invalid_command_operation_code,
                                               FieldPointer{0, 7}));
  }
}

TEST(Cdb, UnknownServiceActionsPointAtTheServiceAction) {
  EXPECT_EQ(refusal({0x9e, 0x13}), invalid_field_in_cdb(1, 4));
  EXPECT_EQ(refusal({0xa3, 0x0f}), invalid_field_in_cdb(1, 4));
}

TEST(Cdb, LengthsThatOperationCodesTell) {
  for (const CdbRow& row : cdb_table())
    EXPECT_EQ(fixed_cdb_bytes(row.opcode()), row.length == 32 ? 0 : row.length) << int(row.opcode());
  for (std::uint8_t code : {0x60, 0x7e, 0x7f, 0xc0, 0xff}) EXPECT_EQ(fixed_cdb_bytes(code), 0u);
}

TEST(Cdb, ThirtyTwoBytes) {
  CdbBytes cdb{0x7f, 0, 0, 0, 0, 0, 0x1f, 0x18, 0x00, 0x0d, 0x19, 0, 1, 2, 3, 4, 5, 6, 7, 8};
  for (std::uint8_t i = 20; i < 32; ++i) cdb[i] = i;
  const auto same = decoded<WriteSame>(cdb);
  EXPECT_EQ(same.range.lba, 0x0102030405060708u);
  EXPECT_EQ(same.range.blocks, 0x1c1d1e1fu);
  EXPECT_TRUE(same.unmap && same.anchor && same.no_data_out);
  EXPECT_EQ(refusal({0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0x00, 0x09}), invalid_field_in_cdb(8)) << "READ(32)";
  EXPECT_EQ(refusal({0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0x0d, 0x00}), invalid_field_in_cdb(8));
  EXPECT_EQ(refusal({0x7f, 0, 0, 0, 0, 0, 0, 0x14, 0x00, 0x0d}), invalid_field_in_cdb(7, 7));
  cdb[10] = 0x20;
  EXPECT_EQ(refusal(cdb), invalid_field_in_cdb(10, 7)) << "WRPROTECT";
  cdb[10] = 0;
  for (std::size_t came : {16, 28, 33})
    EXPECT_TRUE(std::holds_alternative<Refused>(decode_cdb(cdb, {.thin = true}, came))) << came;
  EXPECT_FALSE(std::holds_alternative<Refused>(decode_cdb(cdb, {.thin = true}, 32)));
}

TEST(Cdb, ProtectionInformationAndNacaAreRefusedWhereTheyStand) {
  EXPECT_EQ(refusal({0x28, 0x20, 0, 0, 0, 0, 0, 0, 1, 0}),
            invalid_field_in_cdb(1, 7));                                     // RDPROTECT
  EXPECT_EQ(refusal({0x8a, 0xe0}), invalid_field_in_cdb(1, 7));              // WRPROTECT
  EXPECT_EQ(refusal({0x00, 0, 0, 0, 0, 0x04}), invalid_field_in_cdb(5, 7));  // NACA
  EXPECT_EQ(refusal({0x12, 0, 0x83, 0, 36}), invalid_field_in_cdb(2));       // a page without EVPD
  EXPECT_EQ(refusal({0xa0, 0, 3}), invalid_field_in_cdb(2));
}

TEST(Cdb, EveryBitOutsideTheUsageMapIsRefusedInItsByte) {
  for (const CdbRow& row : cdb_table()) {
    CdbBytes good{};
    good[0] = row.opcode();
    const bool is_long = good[0] == opcode::variable_length;
    if (row.service_action) good[is_long ? 9 : 1] = static_cast<std::uint8_t>(*row.service_action);
    if (is_long) good[7] = static_cast<std::uint8_t>(row.length - 8);
    ASSERT_FALSE(std::holds_alternative<Refused>(decode_cdb(good))) << "opcode " << int(good[0]);
    for (std::uint16_t byte = 1; byte < row.length; ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        if ((row.usage[byte] >> bit) & 1) continue;
        const bool names_action = is_long ? byte == 8 || byte == 9 : byte == 1 && bit < 5;
        if (names_action && row.service_action) continue;
        CdbBytes bad = good;
        bad[byte] = static_cast<std::uint8_t>(bad[byte] | (1u << bit));
        const CdbRow* const other = find_row(bad);
        if (other != nullptr && other != &row) continue;  // another service action
        const Sense sense = refusal(bad);
        EXPECT_EQ(sense.additional, additional_sense::invalid_field_in_cdb);
        ASSERT_TRUE(sense.field);
        EXPECT_EQ(sense.field->byte, byte) << "opcode " << int(good[0]) << " bit " << bit;
        EXPECT_GE(sense.field->bit.value_or(0), bit);
      }
    }
  }
}

TEST(Cdb, EveryCommandSaysWhatReservationsMeanToIt) {
  for (const CdbRow& row : cdb_table())
    EXPECT_NE(row.reservation, ReservationClass::unnamed) << "opcode " << int(row.opcode());
}

TEST(Cdb, BytesBeyondTheCdbsLengthDoNotMatter) {
  CdbBytes bytes{0x00};
  for (std::size_t i = 6; i < bytes.size(); ++i) bytes[i] = 0xff;
  decoded<TestUnitReady>(bytes);
}

TEST(Cdb, RandomBytesAreDecodedOrRefused) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::size_t accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    CdbBytes bytes;
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() & random());
    const Cdb cdb = decode_cdb(bytes);
    const Refused* refused = std::get_if<Refused>(&cdb);
    if (refused == nullptr) {
      ++accepted;
    } else {
      ASSERT_EQ(refused->sense.key, SenseKey::illegal_request);
    }
  }
  EXPECT_GT(accepted, 0u);
}

}  // namespace
}  // namespace holdfast::scsi
