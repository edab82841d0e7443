#include "common/scsi/identity.h"

#include <bit>
#include <fmt/format.h>
#include <utility>
#include <xxhash.h>

#include "common/base/endian.h"

namespace holdfast::scsi {
namespace {

std::string derived_id(std::string_view target_name, std::uint32_t lun) {
  const std::string named = fmt::format("{},{}", target_name, lun);
  const XXH128_hash_t hash = XXH3_128bits(named.data(), named.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

/// From the ScsiId alone: two targets that give their units the same one say that they are two
/// paths to one medium, and must look so by every designator.
std::array<std::uint8_t, 8> derived_naa(std::string_view scsi_id) {
  const std::uint64_t hash = XXH3_64bits(scsi_id.data(), scsi_id.size());
  return std::bit_cast<std::array<std::uint8_t, 8>>(be64((hash >> 4) | 0x3000'0000'0000'0000));
}

}  // namespace

Identity make_identity(std::string target_name, std::uint16_t target_portal_group,
                       std::uint32_t lun, std::string scsi_id, std::string serial_number) {
  Identity identity;
  identity.scsi_id = scsi_id.empty() ? derived_id(target_name, lun) : std::move(scsi_id);
  identity.serial_number = serial_number.empty() ? identity.scsi_id : std::move(serial_number);
  identity.naa = derived_naa(identity.scsi_id);
  identity.target_name = std::move(target_name);
  identity.target_portal_group = target_portal_group;
  return identity;
}

}  // namespace holdfast::scsi
