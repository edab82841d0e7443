#include "common/iscsi/digest.h"

#include <algorithm>
#include <isa-l/crc.h>
#include <limits>

namespace holdfast::iscsi {

void Crc32c::add(std::span<const std::byte> bytes) {
  // ISA-L counts in int and takes a pointer to what it does not write.
  constexpr std::size_t piece_max = std::numeric_limits<int>::max();
  while (!bytes.empty()) {
    const std::size_t piece = std::min(bytes.size(), piece_max);
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    state_ = crc32_iscsi(data, static_cast<int>(piece), state_);
    bytes = bytes.subspan(piece);
  }
}

// A digest is the one number of iSCSI that is not big-endian: section 13.1 maps the polynomial to
// bits so that the CRC's least significant byte comes first.
DigestBytes Crc32c::wire() const {
  const std::uint32_t crc = value();
  DigestBytes bytes;
  for (std::size_t i = 0; i < digest_bytes; ++i) bytes[i] = static_cast<std::byte>(crc >> (8 * i));
  return bytes;
}

}  // namespace holdfast::iscsi
