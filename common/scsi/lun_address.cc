#include "common/scsi/lun_address.h"

#include <algorithm>

#include "common/base/check.h"

namespace holdfast::scsi {
namespace {

// ADDRESS METHOD, the two upper bits of the first byte (SAM-5 4.7.7).
constexpr std::uint8_t address_method = 0xc0;
constexpr std::uint8_t peripheral = 0x00;
constexpr std::uint8_t flat_space = 0x40;

}  // namespace

std::optional<std::uint32_t> decode_lun(const LunAddress& address) {
  if (std::any_of(address.begin() + 2, address.end(), [](std::uint8_t byte) { return byte != 0; }))
    return std::nullopt;  // a second level, or an extended address
  const std::uint32_t low = address[1];
  switch (address[0] & address_method) {
    case peripheral:
      if (address[0] != 0) return std::nullopt;  // a bus behind us
      return low;
    case flat_space:
      return ((address[0] & 0x3fu) << 8) | low;
    default:
      return std::nullopt;
  }
}

LunAddress encode_lun(std::uint32_t number) {
  CHECK(number < lun_numbers);
  LunAddress address{};
  if (number > 0xff) address[0] = static_cast<std::uint8_t>(flat_space | (number >> 8));
  address[1] = static_cast<std::uint8_t>(number);
  return address;
}

}  // namespace holdfast::scsi
