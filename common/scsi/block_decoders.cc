#include "common/scsi/block_decoders.h"

namespace holdfast::scsi {

Cdb decode_read_6(const CdbBytes& cdb) {
  return Read{range_6(cdb), false};
}

Cdb decode_write_6(const CdbBytes& cdb) {
  return Write{range_6(cdb), false};
}

std::optional<ByteCheck> byte_check_of(const CdbBytes& cdb) {
  const auto value = static_cast<std::uint8_t>((cdb[1] >> 1) & 0x03);
  if (value == 2) return std::nullopt;
  return static_cast<ByteCheck>(value);
}

Cdb decode_write_same_32(const CdbBytes& cdb) {
  constexpr std::uint8_t flags = 10;
  return WriteSame{range_32(cdb), cdb_bit(cdb, flags, 3), cdb_bit(cdb, flags, 4),
                   cdb_bit(cdb, flags, 0), flags};
}

Cdb decode_compare_and_write(const CdbBytes& cdb) {
  const BlockRange range{
      .lba = cdb_field<be64>(cdb, 2), .blocks = cdb[13], .lba_field = 2, .blocks_field = 13};
  return CompareAndWrite{range, cdb_bit(cdb, 1, 3)};
}

Cdb decode_orwrite(const CdbBytes& cdb) {
  return OrWrite{range_16(cdb), cdb_bit(cdb, 1, 3)};
}

Cdb decode_write_atomic(const CdbBytes& cdb) {
  const BlockRange range{.lba = cdb_field<be64>(cdb, 2),
                         .blocks = cdb_field<be16>(cdb, 12),
                         .lba_field = 2,
                         .blocks_field = 12};
  return WriteAtomic{range, cdb_bit(cdb, 1, 3), cdb_field<be16>(cdb, 10)};
}

Cdb decode_unmap(const CdbBytes& cdb) {
  return Unmap{cdb_bit(cdb, 1, 0), cdb_field<be16>(cdb, 7)};
}

Cdb decode_get_lba_status(const CdbBytes& cdb) {
  return GetLbaStatus{cdb_field<be64>(cdb, 2), cdb_field<be32>(cdb, 10)};
}

Cdb decode_read_capacity_10(const CdbBytes&) {
  return ReadCapacity10{};
}

Cdb decode_read_capacity_16(const CdbBytes& cdb) {
  return ReadCapacity16{cdb_field<be32>(cdb, 10)};
}

Cdb decode_read_defect_data_10(const CdbBytes& cdb) {
  return ReadDefectData{false, cdb_bit(cdb, 2, 4), cdb_bit(cdb, 2, 3),
                        static_cast<std::uint8_t>(cdb[2] & 0x07), cdb_field<be16>(cdb, 7)};
}

Cdb decode_read_defect_data_12(const CdbBytes& cdb) {
  return ReadDefectData{true, cdb_bit(cdb, 1, 4), cdb_bit(cdb, 1, 3),
                        static_cast<std::uint8_t>(cdb[1] & 0x07), cdb_field<be32>(cdb, 6)};
}

Cdb decode_start_stop_unit(const CdbBytes& cdb) {
  // There is no power to save, so any POWER CONDITION will do, of a reserved number too, as
  // iscsi-test-cu has it. What is no POWER CONDITION MODIFIER of any is refused.
  constexpr std::uint8_t force_idle = 0x0a, force_standby = 0x0b;
  const auto condition = static_cast<std::uint8_t>(cdb[4] >> 4);
  const bool is_idle = condition == StartStopUnit::idle || condition == force_idle;
  const bool is_standby = condition == StartStopUnit::standby || condition == force_standby;
  const std::uint8_t modifier_max = is_idle ? 2 : is_standby ? 1 : 0;
  if (cdb[3] > modifier_max) return Refused{invalid_field_in_cdb(3, 3)};
  return StartStopUnit{cdb_bit(cdb, 1, 0), cdb_bit(cdb, 4, 2), cdb_bit(cdb, 4, 1),
                       cdb_bit(cdb, 4, 0), static_cast<std::uint8_t>(cdb[4] >> 4)};
}

Cdb decode_format_unit(const CdbBytes& cdb) {
  const FormatUnit format{cdb_bit(cdb, 1, 4), cdb_bit(cdb, 1, 5), cdb_bit(cdb, 1, 3),
                          static_cast<std::uint8_t>(cdb[1] & 0x07)};
  // Without a parameter list there is nothing that these could be about (SBC-3 table 38).
  if (!format.with_list && (cdb[1] & 0x2f) != 0) return Refused{invalid_field_in_cdb(1, 5)};
  return format;
}

Cdb decode_sanitize(const CdbBytes& cdb) {
  return Sanitize{static_cast<Sanitize::Action>(cdb[1] & 0x1f), cdb_bit(cdb, 1, 7),
                  cdb_bit(cdb, 1, 5), cdb_field<be16>(cdb, 7)};
}

Cdb decode_prevent_allow(const CdbBytes& cdb) {
  return PreventAllowMediumRemoval{cdb_bit(cdb, 4, 0)};
}

}  // namespace holdfast::scsi
