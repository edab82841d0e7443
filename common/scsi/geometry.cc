#include "common/scsi/geometry.h"

#include <algorithm>
#include <bit>

namespace holdfast::scsi {

std::uint8_t Geometry::physical_block_exponent() const {
  const std::uint32_t ratio = std::max(physical_block_bytes / block_bytes, 1u);
  // The field has four bits.
  return static_cast<std::uint8_t>(std::min(static_cast<int>(std::bit_width(ratio)) - 1, 15));
}

ParameterData read_capacity_10(const Geometry& geometry) {
  ParameterData data;
  const std::uint64_t last = geometry.blocks - 1;
  data.put_be32(static_cast<std::uint32_t>(std::min<std::uint64_t>(last, 0xffff'ffff)));
  data.put_be32(geometry.block_bytes);
  return data;
}

ParameterData read_capacity_16(const Geometry& geometry, bool thin) {
  ParameterData data;
  data.put_be64(geometry.blocks - 1);
  data.put_be32(geometry.block_bytes);
  data.put(std::uint8_t{0});  // P_TYPE, PROT_EN: no protection information
  data.put(geometry.physical_block_exponent());
  data.put(std::uint8_t(thin ? 0xc0 : 0x00));  // LBPME, LBPRZ
  data.put_zeros(17);                          // LOWEST ALIGNED LOGICAL BLOCK ADDRESS 0
  return data;
}

}  // namespace holdfast::scsi
