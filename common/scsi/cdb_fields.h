#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/base/endian.h"
#include "common/scsi/cdb.h"

// Where fields stand in CDBs, for those that decode them.

namespace holdfast::scsi {

/// The integer that begins in byte `at`.
template <typename Integer>
auto cdb_field(const CdbBytes& cdb, std::size_t at) {
  std::array<std::uint8_t, sizeof(Integer)> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = cdb[at + i];
  return std::bit_cast<Integer>(bytes).value();
}

inline bool cdb_bit(const CdbBytes& cdb, std::size_t byte, unsigned bit) {
  return ((cdb[byte] >> bit) & 1) != 0;
}

// Where each length of CDB has its LOGICAL BLOCK ADDRESS and its length (SBC-3 section 5).
inline BlockRange range_6(const CdbBytes& cdb) {
  const std::uint32_t lba = cdb_field<be24>(cdb, 1) & 0x1f'ffff;
  const std::uint32_t blocks = cdb[4] == 0 ? 256 : cdb[4];
  return {.lba = lba, .blocks = blocks, .lba_field = 1, .blocks_field = 4};
}

inline BlockRange range_10(const CdbBytes& cdb) {
  return {.lba = cdb_field<be32>(cdb, 2),
          .blocks = cdb_field<be16>(cdb, 7),
          .lba_field = 2,
          .blocks_field = 7};
}

inline BlockRange range_12(const CdbBytes& cdb) {
  return {.lba = cdb_field<be32>(cdb, 2),
          .blocks = cdb_field<be32>(cdb, 6),
          .lba_field = 2,
          .blocks_field = 6};
}

inline BlockRange range_16(const CdbBytes& cdb) {
  return {.lba = cdb_field<be64>(cdb, 2),
          .blocks = cdb_field<be32>(cdb, 10),
          .lba_field = 2,
          .blocks_field = 10};
}

inline BlockRange range_32(const CdbBytes& cdb) {
  return {.lba = cdb_field<be64>(cdb, 12),
          .blocks = cdb_field<be32>(cdb, 28),
          .lba_field = 12,
          .blocks_field = 28};
}

using RangeOf = BlockRange (*)(const CdbBytes&);

}  // namespace holdfast::scsi
