#include "initiator/tree/open_files.h"

#include <algorithm>
#include <utility>

namespace holdfast::initiator {

const FileExtent* OpenFile::find(std::uint64_t logical) const {
  const auto after = std::upper_bound(
      layout.extents.begin(), layout.extents.end(), logical,
      [](std::uint64_t block, const FileExtent& extent) { return block < extent.logical; });
  if (after == layout.extents.begin()) return nullptr;
  const FileExtent& extent = *(after - 1);
  return logical < extent.logical + extent.blocks ? &extent : nullptr;
}

void OpenFile::note_written(std::uint64_t first, std::uint64_t count) {
  blocks_written += count;
  // They come in ascending order as a rule, and then the last one grows.
  if (!written.empty() && written.back().first + written.back().blocks == first) {
    written.back().blocks += count;
    return;
  }
  const auto place = std::upper_bound(
      written.begin(), written.end(), first,
      [](std::uint64_t block, const BlockRange& range) { return block < range.first; });
  written.insert(place, BlockRange{first, count});
}

std::unique_ptr<OpenFile> OpenFiles::unused() {
  if (kept_.empty()) return std::make_unique<OpenFile>();
  std::unique_ptr<OpenFile> file = std::move(kept_.back());
  kept_.pop_back();
  return file;
}

OpenFile& OpenFiles::add(std::unique_ptr<OpenFile> file) {
  open_.push_back(std::move(file));
  return *open_.back();
}

OpenFile* OpenFiles::find(ext2_ino_t number) {
  for (const std::unique_ptr<OpenFile>& file : open_)
    if (file->number == number) return file.get();
  return nullptr;
}

std::unique_ptr<OpenFile> OpenFiles::remove(ext2_ino_t number) {
  for (std::unique_ptr<OpenFile>& file : open_) {
    if (file->number != number) continue;
    std::swap(file, open_.back());
    std::unique_ptr<OpenFile> removed = std::move(open_.back());
    open_.pop_back();
    return removed;
  }
  return nullptr;
}

void OpenFiles::keep(std::unique_ptr<OpenFile> file) {
  if (kept_.size() == kept_max) return;
  file->layout.extents.clear();
  file->layout.tree_blocks.clear();
  file->written.clear();
  file->blocks = 0;
  file->blocks_written = 0;
  kept_.push_back(std::move(file));
}

}  // namespace holdfast::initiator
