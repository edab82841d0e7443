#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace holdfast {

/// A big-endian unsigned integer of `Bytes` bytes as it stands on the wire: alignment 1, no padding.
/// `Value` is the host type that it converts to. Wider values are cut to the field's width.
template <typename Value, std::size_t Bytes>
class BigEndian {
 public:
  constexpr BigEndian() = default;
  constexpr BigEndian(Value value) {  // NOLINT: a field is assigned like the integer that it is.
    for (std::size_t i = 0; i < Bytes; ++i)
      bytes_[i] = static_cast<std::uint8_t>(value >> (8 * (Bytes - 1 - i)));
  }

  constexpr operator Value() const {  // NOLINT: and read like one.
    Value value = 0;
    for (std::size_t i = 0; i < Bytes; ++i) value = static_cast<Value>((value << 8) | bytes_[i]);
    return value;
  }

  constexpr Value value() const { return *this; }

 private:
  std::array<std::uint8_t, Bytes> bytes_{};
};

using be16 = BigEndian<std::uint16_t, 2>;
using be24 = BigEndian<std::uint32_t, 3>;
using be32 = BigEndian<std::uint32_t, 4>;
using be48 = BigEndian<std::uint64_t, 6>;
using be64 = BigEndian<std::uint64_t, 8>;

static_assert(sizeof(be24) == 3 && alignof(be24) == 1);
static_assert(sizeof(be64) == 8 && alignof(be64) == 1);

}  // namespace holdfast
