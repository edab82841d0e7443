#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::iscsi {

inline constexpr std::size_t digest_bytes = 4;
using DigestBytes = std::array<std::byte, digest_bytes>;

/// The CRC32C of header and data digests (RFC 7143 section 13.1), over pieces in their order. A
/// header digest covers the header with its AHSs; a data digest the data segment with its padding.
class Crc32c {
 public:
  void add(std::span<const std::byte> bytes);
  /// The checksum of what was added so far.
  std::uint32_t value() const { return ~state_; }
  /// The same as it goes on the wire.
  DigestBytes wire() const;

 private:
  std::uint32_t state_ = 0xffff'ffff;
};

}  // namespace holdfast::iscsi
