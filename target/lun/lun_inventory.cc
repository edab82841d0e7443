#include "target/lun/lun_inventory.h"

#include <algorithm>
#include <array>
#include <bit>

#include "common/base/check.h"
#include "common/base/endian.h"
#include "common/scsi/lun_address.h"

namespace holdfast::target {
namespace {

constexpr std::size_t header_bytes = 8;
constexpr std::uint8_t well_known_units_only = 1;
constexpr std::array<std::uint8_t, header_bytes> empty_report{};

}  // namespace

LunInventory::LunInventory() : report_(header_bytes) {
}

void LunInventory::add(std::uint32_t number) {
  const auto place = std::lower_bound(numbers_.begin(), numbers_.end(), number);
  CHECK(place == numbers_.end() || *place != number);
  const auto address = scsi::encode_lun(number);
  const auto before = static_cast<std::ptrdiff_t>(address.size()) * (place - numbers_.begin());
  report_.insert(report_.begin() + static_cast<std::ptrdiff_t>(header_bytes) + before,
                 address.begin(), address.end());
  numbers_.insert(place, number);
  set_list_length();
}

void LunInventory::remove(std::uint32_t number) {
  const auto place = std::lower_bound(numbers_.begin(), numbers_.end(), number);
  CHECK(place != numbers_.end() && *place == number);
  const auto address_bytes = static_cast<std::ptrdiff_t>(sizeof(scsi::LunAddress));
  const auto at = report_.begin() + static_cast<std::ptrdiff_t>(header_bytes) +
                  address_bytes * (place - numbers_.begin());
  report_.erase(at, at + address_bytes);
  numbers_.erase(place);
  set_list_length();
}

void LunInventory::set_list_length() {
  const auto list_bytes = std::bit_cast<std::array<std::uint8_t, 4>>(
      be32(static_cast<std::uint32_t>(report_.size() - header_bytes)));
  std::copy(list_bytes.begin(), list_bytes.end(), report_.begin());
}

std::span<const std::uint8_t> LunInventory::report(const scsi::ReportLuns& command) const {
  if (command.select_report == well_known_units_only) return empty_report;
  return report_;
}

}  // namespace holdfast::target
