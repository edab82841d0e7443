#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "initiator/tree/ext4_filesystem.h"

namespace holdfast::initiator {

/// A file that is being written: where its bytes go, and which have come.
struct OpenFile {
  ext2_ino_t number = 0;
  std::uint32_t watch_number = 0;
  FileLayout layout;
  std::vector<BlockRange> written;  // ascending and apart
  std::uint64_t blocks = 0;         // laid out
  std::uint64_t blocks_written = 0;

  /// The extent that holds `logical`, or nullptr.
  const FileExtent* find(std::uint64_t logical) const;
  void note_written(std::uint64_t first, std::uint64_t count);
};

/// The files that are being written. There are few at a time, so they are looked for one by one; a
/// closed one's memory serves the next.
class OpenFiles {
 public:
  /// More than any workload needs at once.
  static constexpr std::size_t files_max = 1024;

  bool full() const { return open_.size() == files_max; }
  /// A file to be filled in and then given to `add`.
  std::unique_ptr<OpenFile> unused();
  OpenFile& add(std::unique_ptr<OpenFile> file);
  OpenFile* find(ext2_ino_t number);
  std::unique_ptr<OpenFile> remove(ext2_ino_t number);
  void keep(std::unique_ptr<OpenFile> file);
  const std::vector<std::unique_ptr<OpenFile>>& all() const { return open_; }

 private:
  static constexpr std::size_t kept_max = 32;
  std::vector<std::unique_ptr<OpenFile>> open_;
  std::vector<std::unique_ptr<OpenFile>> kept_;
};

}  // namespace holdfast::initiator
