#include "common/scsi/cdb_table.h"

#include <bit>

#include "common/base/endian.h"

namespace holdfast::scsi {
namespace {

template <typename Integer>
auto get(const CdbBytes& cdb, std::size_t at) {
  std::array<std::uint8_t, sizeof(Integer)> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = cdb[at + i];
  return std::bit_cast<Integer>(bytes).value();
}

// Where each length of CDB has its LOGICAL BLOCK ADDRESS and its length (SBC-3 section 5).
BlockRange range_6(const CdbBytes& cdb) {
  const std::uint32_t lba = get<be24>(cdb, 1) & 0x1f'ffff;
  const std::uint32_t blocks = cdb[4] == 0 ? 256 : cdb[4];
  return {.lba = lba, .blocks = blocks, .lba_field = 1, .blocks_field = 4};
}

BlockRange range_10(const CdbBytes& cdb) {
  return {.lba = get<be32>(cdb, 2), .blocks = get<be16>(cdb, 7), .lba_field = 2, .blocks_field = 7};
}

BlockRange range_12(const CdbBytes& cdb) {
  return {.lba = get<be32>(cdb, 2), .blocks = get<be32>(cdb, 6), .lba_field = 2, .blocks_field = 6};
}

BlockRange range_16(const CdbBytes& cdb) {
  return {
      .lba = get<be64>(cdb, 2), .blocks = get<be32>(cdb, 10), .lba_field = 2, .blocks_field = 10};
}

using RangeOf = BlockRange (*)(const CdbBytes&);

bool force_unit_access(const CdbBytes& cdb) {
  return (cdb[1] & 0x08) != 0;
}

template <RangeOf range>
Cdb read(const CdbBytes& cdb) {
  return Read{range(cdb), force_unit_access(cdb)};
}

template <RangeOf range>
Cdb write(const CdbBytes& cdb) {
  return Write{range(cdb), force_unit_access(cdb)};
}

// The six-byte ones have address bits where the others have FUA.
Cdb read_6(const CdbBytes& cdb) {
  return Read{range_6(cdb), false};
}

Cdb write_6(const CdbBytes& cdb) {
  return Write{range_6(cdb), false};
}

template <RangeOf range>
Cdb verify(const CdbBytes& cdb) {
  const unsigned byte_check = (cdb[1] >> 1) & 0x03;
  if (byte_check > 1) return Refused{invalid_field_in_cdb(1, 2)};
  return Verify{range(cdb), byte_check == 1};
}

template <RangeOf range>
Cdb synchronize_cache(const CdbBytes& cdb) {
  return SynchronizeCache{range(cdb), (cdb[1] & 0x02) != 0};
}

Cdb test_unit_ready(const CdbBytes&) {
  return TestUnitReady{};
}

Cdb request_sense(const CdbBytes& cdb) {
  return RequestSense{(cdb[1] & 0x01) != 0 ? SenseFormat::descriptor : SenseFormat::fixed, cdb[4]};
}

Cdb inquiry(const CdbBytes& cdb) {
  const Inquiry inquiry{(cdb[1] & 0x01) != 0, cdb[2], get<be16>(cdb, 3)};
  if (!inquiry.vital_product_data && inquiry.page != 0) return Refused{invalid_field_in_cdb(2)};
  return inquiry;
}

Cdb report_luns(const CdbBytes& cdb) {
  if (cdb[2] > 2) return Refused{invalid_field_in_cdb(2)};
  return ReportLuns{cdb[2], get<be32>(cdb, 6)};
}

ModeSense mode_sense(const CdbBytes& cdb) {
  ModeSense sense;
  sense.disable_block_descriptors = (cdb[1] & 0x08) != 0;
  sense.control = static_cast<PageControl>(cdb[2] >> 6);
  sense.page = cdb[2] & 0x3f;
  sense.subpage = cdb[3];
  return sense;
}

Cdb mode_sense_6(const CdbBytes& cdb) {
  ModeSense sense = mode_sense(cdb);
  sense.allocation_bytes = cdb[4];
  return sense;
}

Cdb mode_sense_10(const CdbBytes& cdb) {
  ModeSense sense = mode_sense(cdb);
  sense.ten = true;
  sense.long_lba_accepted = (cdb[1] & 0x10) != 0;
  sense.allocation_bytes = get<be16>(cdb, 7);
  return sense;
}

Cdb start_stop_unit(const CdbBytes& cdb) {
  return StartStopUnit{(cdb[1] & 0x01) != 0, (cdb[4] & 0x04) != 0, (cdb[4] & 0x01) != 0};
}

Cdb read_capacity_10(const CdbBytes&) {
  return ReadCapacity10{};
}

Cdb read_capacity_16(const CdbBytes& cdb) {
  return ReadCapacity16{get<be32>(cdb, 10)};
}

Cdb report_supported_opcodes(const CdbBytes& cdb) {
  const std::uint8_t options = cdb[2] & 0x07;
  if (options > 3) return Refused{invalid_field_in_cdb(2, 2)};
  return ReportSupportedOpcodes{static_cast<ReportSupportedOpcodes::Options>(options),
                                (cdb[2] & 0x80) != 0, cdb[3], get<be16>(cdb, 4), get<be32>(cdb, 6)};
}

Cdb reserve(const CdbBytes&) {
  return Reserve{};
}

Cdb release(const CdbBytes&) {
  return Release{};
}

Cdb persistent_reserve_in(const CdbBytes& cdb) {
  return PersistentReserveIn{static_cast<PersistentReserveIn::Action>(cdb[1] & 0x1f),
                             get<be16>(cdb, 7)};
}

Cdb persistent_reserve_out(const CdbBytes& cdb) {
  return PersistentReserveOut{static_cast<PersistentReserveOut::Action>(cdb[1] & 0x1f),
                              static_cast<std::uint8_t>(cdb[2] >> 4),
                              static_cast<std::uint8_t>(cdb[2] & 0x0f), get<be32>(cdb, 5)};
}

using enum ReservationClass;

constexpr std::uint8_t ff = 0xff;

// Bits that are left out on purpose: the CONTROL byte (no ACA, so no NACA), RDPROTECT, WRPROTECT
// and VRPROTECT (no protection information), GROUP NUMBER (no grouping), LOEJ and POWER CONDITION
// (a medium that stays, with no power to save), RELADR and PMI (obsolete), and extents and third
// parties of RESERVE and RELEASE (obsolete).
constexpr CdbRow rows[] = {
    {6, {}, {0x00}, test_unit_ready, asks},
    {6, {}, {0x03, 0x01, 0, 0, ff}, request_sense, allowed},
    {6, {}, {0x08, 0x1f, ff, ff, ff}, read_6, reads},
    {6, {}, {0x0a, 0x1f, ff, ff, ff}, write_6, writes},
    {6, {}, {0x12, 0x01, ff, ff, ff}, inquiry, allowed},
    {6, {}, {0x16}, reserve, reserves},
    {6, {}, {0x17}, release, reserves},
    {6, {}, {0x1a, 0x08, ff, ff, ff}, mode_sense_6, reads},
    {6, {}, {0x1b, 0x01, 0, 0, 0x05}, start_stop_unit, starts},
    {10, {}, {0x25}, read_capacity_10, allowed},
    {10, {}, {0x28, 0x18, ff, ff, ff, ff, 0, ff, ff}, read<range_10>, reads},
    {10, {}, {0x2a, 0x18, ff, ff, ff, ff, 0, ff, ff}, write<range_10>, writes},
    {10, {}, {0x2f, 0x16, ff, ff, ff, ff, 0, ff, ff}, verify<range_10>, reads},
    {10, {}, {0x35, 0x02, ff, ff, ff, ff, 0, ff, ff}, synchronize_cache<range_10>, writes},
    {10, {}, {0x56}, reserve, reserves},
    {10, {}, {0x57}, release, reserves},
    {10, {}, {0x5a, 0x18, ff, ff, 0, 0, 0, ff, ff}, mode_sense_10, reads},
    {10, 0x00, {0x5e, 0x00, 0, 0, 0, 0, 0, ff, ff}, persistent_reserve_in, persistent},
    {10, 0x01, {0x5e, 0x01, 0, 0, 0, 0, 0, ff, ff}, persistent_reserve_in, persistent},
    {10, 0x02, {0x5e, 0x02, 0, 0, 0, 0, 0, ff, ff}, persistent_reserve_in, persistent},
    {10, 0x03, {0x5e, 0x03, 0, 0, 0, 0, 0, ff, ff}, persistent_reserve_in, persistent},
    {10, 0x00, {0x5f, 0x00, ff, 0, 0, ff, ff, ff, ff}, persistent_reserve_out, persistent},
    {10, 0x01, {0x5f, 0x01, ff, 0, 0, ff, ff, ff, ff}, persistent_reserve_out, persistent},
    {10, 0x02, {0x5f, 0x02, ff, 0, 0, ff, ff, ff, ff}, persistent_reserve_out, persistent},
    {10, 0x03, {0x5f, 0x03, ff, 0, 0, ff, ff, ff, ff}, persistent_reserve_out, persistent},
    {10, 0x04, {0x5f, 0x04, ff, 0, 0, ff, ff, ff, ff}, persistent_reserve_out, persistent},
    {10, 0x05, {0x5f, 0x05, ff, 0, 0, ff, ff, ff, ff}, persistent_reserve_out, persistent},
    {10, 0x06, {0x5f, 0x06, ff, 0, 0, ff, ff, ff, ff}, persistent_reserve_out, persistent},
    {10, 0x07, {0x5f, 0x07, ff, 0, 0, ff, ff, ff, ff}, persistent_reserve_out, persistent},
    {16, {}, {0x88, 0x18, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff}, read<range_16>, reads},
    {16, {}, {0x8a, 0x18, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff}, write<range_16>, writes},
    {16, {}, {0x8f, 0x16, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff}, verify<range_16>, reads},
    {16,
     {},
     {0x91, 0x02, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff},
     synchronize_cache<range_16>,
     writes},
    {16, 0x10, {0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, ff, ff, ff, ff}, read_capacity_16, allowed},
    {12, {}, {0xa0, 0, ff, 0, 0, 0, ff, ff, ff, ff}, report_luns, allowed},
    {12, 0x0c, {0xa3, 0x0c, 0x87, ff, ff, ff, ff, ff, ff, ff}, report_supported_opcodes, reads},
    {12, {}, {0xa8, 0x18, ff, ff, ff, ff, ff, ff, ff, ff}, read<range_12>, reads},
    {12, {}, {0xaa, 0x18, ff, ff, ff, ff, ff, ff, ff, ff}, write<range_12>, writes},
    {12, {}, {0xaf, 0x16, ff, ff, ff, ff, ff, ff, ff, ff}, verify<range_12>, reads},
};

}  // namespace

std::span<const CdbRow> cdb_table() {
  return rows;
}

}  // namespace holdfast::scsi
