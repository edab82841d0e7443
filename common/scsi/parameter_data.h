#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "common/base/check.h"
#include "common/base/endian.h"

namespace holdfast::scsi {

/// Parameter data on its way to the initiator: bytes that are put one after another into a fixed
/// room that is larger than any page that is built here.
class ParameterData {
 public:
  static constexpr std::size_t bytes_max = 8192;

  std::size_t size() const { return size_; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }

  void put(std::uint8_t value) {
    CHECK(size_ < bytes_max);
    bytes_[size_++] = value;
  }
  void put(std::initializer_list<std::uint8_t> values) {
    for (std::uint8_t value : values) put(value);
  }
  void put(std::span<const std::uint8_t> values) {
    for (std::uint8_t value : values) put(value);
  }
  void put_be16(std::uint16_t value) { put_integer(value); }
  void put_be32(std::uint32_t value) { put_integer(value); }
  void put_be64(std::uint64_t value) { put_integer(value); }
  void put_zeros(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) put(std::uint8_t{0});
  }
  /// The characters as they are, without an end.
  void put_text(std::string_view text) {
    for (char character : text) put(static_cast<std::uint8_t>(character));
  }
  /// ASCII data, left-aligned and filled with blanks (SPC-4 4.3.1); cut where it is too long.
  void put_text(std::string_view text, std::size_t width) {
    put_text(text.substr(0, width));
    for (std::size_t i = text.size(); i < width; ++i) put(std::uint8_t{' '});
  }

  /// Length fields come before what they count, so they are set afterwards.
  void set(std::size_t at, std::uint8_t value) {
    CHECK(at < size_);
    bytes_[at] = value;
  }
  void set_be16(std::size_t at, std::uint16_t value) {
    set(at, static_cast<std::uint8_t>(value >> 8));
    set(at + 1, static_cast<std::uint8_t>(value));
  }
  void set_be32(std::size_t at, std::uint32_t value) {
    set_be16(at, static_cast<std::uint16_t>(value >> 16));
    set_be16(at + 2, static_cast<std::uint16_t>(value));
  }

 private:
  template <typename Integer>
  void put_integer(Integer value) {
    for (std::size_t i = sizeof(value); i > 0; --i)
      put(static_cast<std::uint8_t>(value >> (8 * (i - 1))));
  }

  std::array<std::uint8_t, bytes_max> bytes_;
  std::size_t size_ = 0;
};

}  // namespace holdfast::scsi
