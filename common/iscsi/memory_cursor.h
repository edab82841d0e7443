#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace holdfast::iscsi {

/// A place in memory that lies in pieces, which only moves forward.
class MemoryCursor {
 public:
  MemoryCursor() = default;
  /// `offset` bytes into the pieces, or at their end.
  explicit MemoryCursor(std::span<const iovec> pieces, std::size_t offset = 0) : pieces_(pieces), offset_(offset) {
    while (!pieces_.empty() && offset_ >= pieces_.front().iov_len) {
      offset_ -= pieces_.front().iov_len;
      pieces_ = pieces_.subspan(1);
    }
  }

  /// Copies `bytes` there and moves behind them. There is room for them.
  void put(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const iovec here = next(bytes.size());
      std::memcpy(here.iov_base, bytes.data(), here.iov_len);
      bytes = bytes.subspan(here.iov_len);
    }
  }

  /// Takes the next piece, `most` bytes of it at most; an empty one at the end.
  iovec next(std::size_t most) {
    while (!pieces_.empty() && offset_ == pieces_.front().iov_len) {
      pieces_ = pieces_.subspan(1);
      offset_ = 0;
    }
    if (pieces_.empty()) return {nullptr, 0};
    const iovec& piece = pieces_.front();
    const std::size_t bytes = std::min(most, piece.iov_len - offset_);
    const iovec taken{static_cast<std::byte*>(piece.iov_base) + offset_, bytes};
    offset_ += bytes;
    return taken;
  }

  /// How many of the next `most` bytes lie in the next `pieces` pieces.
  std::size_t reach(std::size_t most, std::size_t pieces) const {
    std::size_t bytes = 0;
    std::size_t offset = offset_;
    for (const iovec& piece : pieces_) {
      if (pieces == 0 || bytes >= most) break;
      if (piece.iov_len > offset) --pieces;
      bytes += piece.iov_len - offset;
      offset = 0;
    }
    return std::min(bytes, most);
  }

 private:
  std::span<const iovec> pieces_;
  std::size_t offset_ = 0;
};

}  // namespace holdfast::iscsi
