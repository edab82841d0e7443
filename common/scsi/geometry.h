#pragma once

#include <cstdint>

#include "common/scsi/cdb.h"
#include "common/scsi/parameter_data.h"

namespace holdfast::scsi {

/// How a medium is divided (SBC-3 4.4, 4.6).
struct Geometry {
  std::uint64_t blocks = 0;
  std::uint32_t block_bytes = 512;           // 512, 1024, 2048 or 4096
  std::uint32_t physical_block_bytes = 512;  // a power of two, at least `block_bytes`

  /// LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT.
  std::uint8_t physical_block_exponent() const;
  /// True if the medium has all of the range's blocks; the first of no blocks must be one of it
  /// too.
  bool contains(const BlockRange& range) const {
    return range.lba < blocks && range.blocks <= blocks - range.lba;
  }
  /// How many blocks a range names, which the medium has, where none means all from its LBA on.
  std::uint64_t all_or_named(const BlockRange& range) const {
    return range.blocks == 0 ? blocks - range.lba : range.blocks;
  }
};

/// READ CAPACITY(10) parameter data, SBC-3 5.15: what does not fit 32 bits reads FFFFFFFFh.
ParameterData read_capacity_10(const Geometry& geometry);
/// READ CAPACITY(16) parameter data, SBC-3 5.16. What a thin unit has unmapped reads as zeros.
ParameterData read_capacity_16(const Geometry& geometry, bool thin);

}  // namespace holdfast::scsi
