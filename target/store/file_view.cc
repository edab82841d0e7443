#include "target/store/file_view.h"

#include <algorithm>
#include <array>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/base/units.h"
#include "common/runtime/guarded_copy.h"

namespace holdfast::target {
namespace {

constexpr std::uint64_t page_bytes = 4096;  // The least that a system has: of a larger one fewer entries are filled in.

}  // namespace

std::unique_ptr<FileView> FileView::of(int fd, std::uint64_t bytes, bool writable) {
  struct statfs file_system {};
  if (::fstatfs(fd, &file_system) != 0 || file_system.f_type != TMPFS_MAGIC) return nullptr;
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void* memory = ::mmap(nullptr, bytes, protection, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (memory == MAP_FAILED) return nullptr;
  ::madvise(memory, bytes, MADV_DONTDUMP);
  return std::unique_ptr<FileView>(new FileView(fd, static_cast<std::byte*>(memory), bytes, writable));
}

FileView::FileView(int fd, std::byte* memory, std::uint64_t bytes, bool writable)
    : fd_(fd), memory_(memory), size_(bytes), writable_(writable), known_((bytes + stretch_bytes - 1) / stretch_bytes) {}

FileView::~FileView() {
  note_change();
  ::munmap(memory_, size_);
}

bool FileView::read(std::uint64_t offset, std::span<const iovec> vectors) const {
  for (const iovec& vector : vectors) {
    if (!guarded_copy(vector.iov_base, memory_ + offset, vector.iov_len)) return false;
    offset += vector.iov_len;
  }
  return true;
}

bool FileView::write(std::uint64_t offset, std::span<const iovec> vectors) {
  if (!writable_) return false;
  for (const iovec& vector : vectors) {
    if (!is_filled(offset, vector.iov_len)) {
      // Whoever writes by another way fills it, little by little.
      for (std::size_t i = offset / stretch_bytes; i < known_.size() && i * stretch_bytes < offset + vector.iov_len; ++i)
        if (known_[i] != filled && known_[i] > 0) --known_[i];
      return false;
    }
    changed_ = true;
    if (!guarded_copy(memory_ + offset, vector.iov_base, vector.iov_len)) {
      forget(offset, vector.iov_len);
      return false;
    }
    offset += vector.iov_len;
  }
  if (clock_now() - noted_ >= note_after) note_change();
  return true;
}

void FileView::forget(std::uint64_t offset, std::uint64_t bytes) {
  for (std::size_t i = offset / stretch_bytes; i * stretch_bytes < offset + bytes && i < known_.size(); ++i) known_[i] = 0;
}

void FileView::note_change() {
  if (!changed_) return;
  changed_ = false;
  noted_ = clock_now();
  const timespec of_access_and_change[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = 0, .tv_nsec = UTIME_NOW}};
  ::futimens(fd_, of_access_and_change);
}

bool FileView::is_filled(std::uint64_t offset, std::uint64_t bytes) {
  if (bytes > size_ || offset > size_ - bytes) return false;
  for (std::size_t i = offset / stretch_bytes; i * stretch_bytes < offset + bytes; ++i)
    if (known_[i] != filled && !(known_[i] == 0 && look(i))) return false;
  return true;
}

bool FileView::look(std::size_t stretch) {
  const std::uint64_t begin = stretch * stretch_bytes;
  const std::uint64_t bytes = std::min(stretch_bytes, size_ - begin);
  // Of a mapping nobody has touched yet it tells what the file has; a search for the next hole would go on to the end.
  std::array<unsigned char, stretch_bytes / page_bytes> pages;
  const std::span<const unsigned char> there = std::span(pages).first((bytes + page_bytes - 1) / page_bytes);
  const bool told = ::mincore(memory_ + begin, bytes, pages.data()) == 0;
  const bool is_filled = told && std::ranges::all_of(there, [](unsigned char page) { return (page & 1) != 0; });
  known_[stretch] = is_filled ? filled : look_after;
  return is_filled;
}

}  // namespace holdfast::target
