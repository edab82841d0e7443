#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "initiator/tree/mounted_ext4.h"

// The half of the tree that reads back.

namespace holdfast::initiator {

Task<Result<std::vector<DirectoryEntry>>> MountedExt4::read_directory(NodeId directory) {
  using Answer = Result<std::vector<DirectoryEntry>>;
  auto work = [&] { return filesystem_->read_directory(number_of(directory)); };
  Answer read = co_await on_fiber<Answer>(work);
  co_return read;
}

Task<Result<Attributes>> MountedExt4::read_attributes(NodeId node) {
  auto work = [&] { return filesystem_->read_attributes(number_of(node)); };
  Result<Attributes> read = co_await on_fiber<Result<Attributes>>(work);
  co_return read;
}

Task<Result<std::string>> MountedExt4::read_link(NodeId node) {
  auto work = [&] { return filesystem_->read_link(number_of(node)); };
  Result<std::string> read = co_await on_fiber<Result<std::string>>(work);
  co_return read;
}

Task<Status> MountedExt4::fill_window(ext2_ino_t number, std::uint64_t block) {
  std::uint64_t bytes = 0;
  bool complete = false;
  std::vector<FileExtent> extents;
  auto work = [&] {
    return filesystem_->read_layout(number, block, LayoutCache::extents_max, bytes, extents,
                                    complete);
  };
  const Status read = co_await on_fiber<Status>(work);
  if (!read) co_return read;
  LayoutWindow& window = layouts_.place(number);
  window.bytes = bytes;
  window.from = block;
  window.end = complete ? std::numeric_limits<std::uint64_t>::max()
                        : extents.back().logical + extents.back().blocks;
  window.extents = std::move(extents);
  co_return Status();
}

std::size_t MountedExt4::plan(const LayoutWindow& window, std::uint64_t offset,
                              std::span<std::byte> into,
                              std::vector<WriteBackCache::ReadPiece>& pieces) const {
  const std::uint64_t block_bytes = cache_.block_bytes();
  std::size_t planned = 0;
  auto extent = std::partition_point(
      window.extents.begin(), window.extents.end(),
      [&](const FileExtent& one) { return (one.logical + one.blocks) * block_bytes <= offset; });
  while (planned < into.size() && window.knows((offset + planned) / block_bytes)) {
    const std::uint64_t at = offset + planned;
    const std::size_t left = into.size() - planned;
    if (extent == window.extents.end() || at < extent->logical * block_bytes || !extent->written) {
      // A hole, up to the next extent; or space that is laid out and reads as zeros.
      std::uint64_t end =
          window.end > at / block_bytes + left ? at + left : window.end * block_bytes;
      if (extent != window.extents.end())
        end = at < extent->logical * block_bytes ? extent->logical * block_bytes
                                                 : (extent->logical + extent->blocks) * block_bytes;
      const std::size_t zeros = std::min<std::uint64_t>(left, end - at);
      std::memset(into.data() + planned, 0, zeros);
      planned += zeros;
    } else {
      const std::uint64_t end = (extent->logical + extent->blocks) * block_bytes;
      const std::size_t bytes = std::min<std::uint64_t>(left, end - at);
      const std::uint64_t from =
          extent->physical * block_bytes + (at - extent->logical * block_bytes);
      pieces.push_back({from, into.subspan(planned, bytes)});
      planned += bytes;
    }
    while (extent != window.extents.end() &&
           (extent->logical + extent->blocks) * block_bytes <= offset + planned)
      ++extent;
  }
  return planned;
}

Task<Result<std::size_t>> MountedExt4::read(NodeId node, std::uint64_t offset,
                                            std::span<std::byte> data, std::uint32_t file) {
  const std::uint64_t block_bytes = cache_.block_bytes();
  if (offset % block_bytes != 0)
    co_return Error{ErrorKind::invalid_input, EINVAL, "a read does not begin with a block"};
  std::size_t done = 0;
  std::vector<WriteBackCache::ReadPiece> pieces;
  while (done < data.size()) {
    const LayoutWindow* window = layouts_.find(number_of(node), (offset + done) / block_bytes);
    if (window == nullptr) {
      const Status filled = co_await fill_window(number_of(node), (offset + done) / block_bytes);
      if (!filled) co_return filled.error();
      continue;
    }
    if (offset + done >= window->bytes) break;
    const std::size_t bytes =
        std::min<std::uint64_t>(data.size() - done, window->bytes - offset - done);
    pieces.clear();
    const std::size_t planned = plan(*window, offset + done, data.subspan(done, bytes), pieces);
    const Status read = co_await cache_.read_data(pieces, file);
    if (!read) co_return read.error();
    done += planned;
  }
  co_return done;
}

Task<Result<std::vector<DataRange>>> MountedExt4::read_data_ranges(NodeId node) {
  std::vector<DataRange> ranges;
  const std::uint64_t block_bytes = cache_.block_bytes();
  std::uint64_t block = 0;
  for (;;) {
    const LayoutWindow* window = layouts_.find(number_of(node), block);
    if (window == nullptr) {
      const Status filled = co_await fill_window(number_of(node), block);
      if (!filled) co_return filled.error();
      continue;
    }
    for (const FileExtent& extent : window->extents) {
      const std::uint64_t first = std::max(extent.logical, block) * block_bytes;
      const std::uint64_t end =
          std::min(window->bytes, (extent.logical + extent.blocks) * block_bytes);
      if (!extent.written || first >= end) continue;
      if (!ranges.empty() && ranges.back().offset + ranges.back().bytes == first)
        ranges.back().bytes += end - first;
      else
        ranges.push_back({first, end - first});
    }
    block = window->end;
    if (block * block_bytes >= window->bytes || block == std::numeric_limits<std::uint64_t>::max())
      break;
  }
  co_return ranges;
}

}  // namespace holdfast::initiator
