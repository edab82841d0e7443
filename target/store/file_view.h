#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/uio.h>
#include <vector>

#include "common/base/clock.h"

namespace holdfast::target {

/// A file on tmpfs as memory of ours: a copy out of it costs a third of what a system call for it does, since the kernel
/// looks for every page by itself. Only where the file has data: to touch a hole in a mapping would fill it. So it is
/// asked first, once for each stretch, whether that is filled.
///
/// Others may shorten the file or punch holes into it at any time. What is gone is found out while it is copied
/// (`guarded_copy`), and then nothing is promised: a system call knows what is wrong.
class FileView {
 public:
  static constexpr std::uint64_t stretch_bytes = 2 * 1024 * 1024;

  /// Nothing where it cannot be mapped, or its file system does not keep it as pages that can be.
  static std::unique_ptr<FileView> of(int fd, std::uint64_t bytes, bool writable);
  ~FileView();
  FileView(const FileView&) = delete;
  FileView& operator=(const FileView&) = delete;

  std::uint64_t size() const { return size_; }
  /// Whether the range can be read here: not behind the end of the view.
  bool is_filled(std::uint64_t offset, std::uint64_t bytes);
  /// Copies what is filled out of the file, as much as `vectors` hold from `offset` on. False where that has to be done
  /// by another way. May be called beside everything else.
  bool read(std::uint64_t offset, std::span<const iovec> vectors) const;
  /// The same into it, filled or not. False where that has to be done by another way; it may have been done in part.
  bool write(std::uint64_t offset, std::span<const iovec> vectors);
  /// The range was given back, or is about to be: it may have holes.
  void forget(std::uint64_t offset, std::uint64_t bytes);
  /// Brings the file's time of change up to date: what is written to a mapping of a file on tmpfs does not.
  void note_change();

 private:
  FileView(int fd, std::byte* memory, std::uint64_t bytes, bool writable);
  bool look(std::size_t stretch);

  /// What is known of a stretch: that it is filled, or how many writes may go by until it is worth a look.
  using Known = std::uint8_t;
  static constexpr Known filled = 255, look_after = 64;
  static constexpr Duration note_after = std::chrono::seconds(1);

  const int fd_;
  std::byte* const memory_;
  const std::uint64_t size_;
  const bool writable_;
  std::vector<Known> known_;
  bool changed_ = false;
  Instant noted_{};
};

}  // namespace holdfast::target
