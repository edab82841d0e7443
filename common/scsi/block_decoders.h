#pragma once

#include <optional>

#include "common/scsi/cdb_fields.h"

// One function for each block command: its CDB, whose unused bits are zero, to what it asks for.

namespace holdfast::scsi {

template <RangeOf range>
Cdb decode_read(const CdbBytes& cdb) {
  return Read{range(cdb), cdb_bit(cdb, 1, 3)};
}

template <RangeOf range>
Cdb decode_write(const CdbBytes& cdb) {
  return Write{range(cdb), cdb_bit(cdb, 1, 3)};
}

// The six-byte ones have address bits where the others have FUA.
Cdb decode_read_6(const CdbBytes& cdb);
Cdb decode_write_6(const CdbBytes& cdb);

/// BYTCHK, unless it is the reserved 10b.
std::optional<ByteCheck> byte_check_of(const CdbBytes& cdb);

template <typename Command, RangeOf range>
Cdb decode_with_byte_check(const CdbBytes& cdb) {
  const std::optional<ByteCheck> check = byte_check_of(cdb);
  if (!check) return Refused{invalid_field_in_cdb(1, 2)};
  return Command{range(cdb), *check};
}

/// IMMED in bit 1 of byte 1.
template <typename Command, RangeOf range>
Cdb decode_with_immediate(const CdbBytes& cdb) {
  return Command{range(cdb), cdb_bit(cdb, 1, 1)};
}

template <RangeOf range>
Cdb decode_write_same(const CdbBytes& cdb) {
  return WriteSame{range(cdb), cdb_bit(cdb, 1, 3), cdb_bit(cdb, 1, 4), cdb_bit(cdb, 1, 0)};
}

Cdb decode_write_same_32(const CdbBytes& cdb);
Cdb decode_compare_and_write(const CdbBytes& cdb);
Cdb decode_orwrite(const CdbBytes& cdb);
Cdb decode_write_atomic(const CdbBytes& cdb);
Cdb decode_unmap(const CdbBytes& cdb);
Cdb decode_get_lba_status(const CdbBytes& cdb);
Cdb decode_read_capacity_10(const CdbBytes& cdb);
Cdb decode_read_capacity_16(const CdbBytes& cdb);
Cdb decode_read_defect_data_10(const CdbBytes& cdb);
Cdb decode_read_defect_data_12(const CdbBytes& cdb);
Cdb decode_format_unit(const CdbBytes& cdb);
Cdb decode_sanitize(const CdbBytes& cdb);
Cdb decode_prevent_allow(const CdbBytes& cdb);
Cdb decode_start_stop_unit(const CdbBytes& cdb);

}  // namespace holdfast::scsi
