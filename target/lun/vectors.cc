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

std::span<iovec> without_first_bytes(std::span<iovec> vectors, std::uint64_t bytes) {
  while (bytes > 0) {
    CHECK(!vectors.empty());
    iovec& first = vectors.front();
    if (bytes < first.iov_len) {
      first.iov_base = static_cast<std::byte*>(first.iov_base) + bytes;
      first.iov_len -= bytes;
      break;
    }
    bytes -= first.iov_len;
    vectors = vectors.subspan(1);
  }
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

std::size_t first_difference_from_block(std::span<const iovec> vectors, std::uint64_t block_bytes,
                                        std::span<const std::byte> found) {
  for (std::size_t at = 0; at < found.size(); at += block_bytes) {
    const std::size_t same = first_difference(vectors, 0, found.subspan(at, block_bytes));
    if (same < block_bytes) return at + same;
  }
  return found.size();
}

namespace {

/// Calls `visit(there, here, count)` for each run of bytes of `vectors` from `offset` on and the
/// place in `size` bytes that it belongs to.
template <typename Visit>
void for_runs(std::span<const iovec> vectors, std::uint64_t offset, std::size_t size, Visit visit) {
  std::size_t here = 0;
  for (const iovec& vector : vectors) {
    if (offset >= vector.iov_len) {
      offset -= vector.iov_len;
      continue;
    }
    const std::size_t now = std::min<std::size_t>(vector.iov_len - offset, size - here);
    visit(static_cast<std::byte*>(vector.iov_base) + offset, here, now);
    offset = 0;
    here += now;
    if (here == size) return;
  }
  CHECK(here == size);
}

}  // namespace

void or_into(std::span<const iovec> vectors, std::uint64_t offset,
             std::span<const std::byte> bytes) {
  for_runs(vectors, offset, bytes.size(),
           [&](std::byte* there, std::size_t here, std::size_t count) {
             for (std::size_t i = 0; i < count; ++i) there[i] |= bytes[here + i];
           });
}

void copy_out_of(std::span<const iovec> vectors, std::span<std::byte> into) {
  for_runs(vectors, 0, into.size(), [&](std::byte* there, std::size_t here, std::size_t count) {
    std::memcpy(into.data() + here, there, count);
  });
}

}  // namespace holdfast::target
