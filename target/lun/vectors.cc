#include "target/lun/vectors.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"

namespace holdfast::target {

std::uint64_t total_bytes(std::span<const iovec> vectors) {
  std::uint64_t total = 0;
  for (const iovec& vector : vectors) total += vector.iov_len;
  return total;
}

std::span<iovec> first_bytes(std::span<iovec> vectors, std::uint64_t bytes) {
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    if (bytes <= vectors[i].iov_len) {
      vectors[i].iov_len = bytes;
      return vectors.first(bytes == 0 ? i : i + 1);
    }
    bytes -= vectors[i].iov_len;
  }
  CHECK(bytes == 0);
  return vectors;
}

std::size_t copy_into(std::span<const iovec> vectors, std::span<const std::uint8_t> bytes) {
  std::size_t copied = 0;
  for (const iovec& vector : vectors) {
    const std::size_t now = std::min(vector.iov_len, bytes.size() - copied);
    if (now == 0) break;
    std::memcpy(vector.iov_base, bytes.data() + copied, now);
    copied += now;
  }
  return copied;
}

std::vector<std::uint8_t> gathered(std::span<const iovec> vectors, std::size_t bytes) {
  std::vector<std::uint8_t> whole;
  whole.reserve(bytes);
  for (const iovec& vector : vectors) {
    const auto* const from = static_cast<const std::uint8_t*>(vector.iov_base);
    const std::size_t now = std::min(vector.iov_len, bytes - whole.size());
    whole.insert(whole.end(), from, from + now);
  }
  CHECK(whole.size() == bytes);
  return whole;
}

std::size_t first_difference(std::span<const iovec> vectors, std::uint64_t offset,
                             std::span<const std::byte> expected) {
  std::size_t compared = 0;
  for (const iovec& vector : vectors) {
    if (offset >= vector.iov_len) {
      offset -= vector.iov_len;
      continue;
    }
    const std::span<const std::byte> here =
        std::span(static_cast<const std::byte*>(vector.iov_base), vector.iov_len).subspan(offset);
    offset = 0;
    const std::size_t now = std::min(here.size(), expected.size() - compared);
    const std::byte* const want = expected.data() + compared;
    if (std::memcmp(here.data(), want, now) != 0) {
      const auto differing = std::mismatch(want, want + now, here.data());
      return compared + static_cast<std::size_t>(differing.first - want);
    }
    compared += now;
    if (compared == expected.size()) return compared;
  }
  CHECK(compared == expected.size());
  return compared;
}

}  // namespace holdfast::target
