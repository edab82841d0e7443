#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>
#include <vector>

#include "common/base/result.h"
#include "target/lun/limits.h"

namespace holdfast::target {

/// What an atomic write is about to change on the medium, as it is kept for the case that the write
/// does not come to its end: what is there before, and how to know what will be there after.
struct AtomicIntent {
  /// What every medium writes as a whole. Ranges are of whole sectors.
  static constexpr std::size_t sector_bytes = 512;
  /// Of the text.
  static constexpr std::size_t bytes_max =
      transfer_bytes_max + transfer_bytes_max / sector_bytes * sizeof(std::uint64_t) + 256;

  std::uint64_t offset = 0;
  std::string before;
  std::vector<std::uint64_t> after;  // a checksum of each sector

  /// Of what is to be written from `offset` on. `before` is to be filled, and has its size.
  static AtomicIntent of_write(std::uint64_t offset, std::span<const iovec> vectors);

  std::string encode() const;
  /// Fails on anything but the whole of a text that `encode` made.
  static Result<AtomicIntent> decode(std::string_view text);

  /// Whether `sector`, found on the medium as the one of that number in the range, is as it was
  /// before; and whether it is as it was to become. Both, where nothing changes; neither, where
  /// somebody else has been there.
  bool is_before(std::size_t number, std::span<const std::byte> sector) const;
  bool is_after(std::size_t number, std::span<const std::byte> sector) const;

  bool operator==(const AtomicIntent&) const = default;
};

}  // namespace holdfast::target
