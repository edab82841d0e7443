#include "target/store/extents.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

// Two questions, since neither knows it all. SEEK_DATA and SEEK_HOLE see data that is still in the
// page cache, where an extent is "unwritten" on the medium. FIEMAP tells where in a hole there is
// room already. So the first says what is mapped, and the second how the rest is kept.

namespace holdfast::target {
namespace {

class ExtentList {
 public:
  explicit ExtentList(StoreRequest& request) : request_(request) { request.extents_found = 0; }

  bool full() const { return full_; }

  void add(std::uint64_t from, std::uint64_t to, StoreExtentState state) {
    if (from >= to || full_) return;
    std::size_t& found = request_.extents_found;
    if (found > 0 && request_.extents[found - 1].state == state) {
      request_.extents[found - 1].bytes += to - from;
    } else if (found == request_.extents.size()) {
      full_ = true;
    } else {
      request_.extents[found++] = {from, to - from, state};
    }
  }

 private:
  StoreRequest& request_;
  bool full_ = false;
};

/// A fiemap request with room for some extents behind it, as the kernel wants them.
struct Fiemap {
  static constexpr std::uint32_t count = 64;
  alignas(fiemap) std::array<std::byte, sizeof(fiemap) + count * sizeof(fiemap_extent)> bytes{};

  fiemap& head() { return *reinterpret_cast<fiemap*>(bytes.data()); }
  fiemap_extent extent(std::uint32_t i) const {
    fiemap_extent found;
    std::memcpy(&found, bytes.data() + sizeof(fiemap) + i * sizeof found, sizeof found);
    return found;
  }
};

/// How the hole [from, to) is kept.
void add_hole(int fd, std::uint64_t from, std::uint64_t to, ExtentList& list) {
  while (from < to && !list.full()) {
    Fiemap asked;
    asked.head().fm_start = from;
    asked.head().fm_length = to - from;
    asked.head().fm_extent_count = Fiemap::count;
    const bool known = ::ioctl(fd, FS_IOC_FIEMAP, asked.bytes.data()) == 0;
    const std::uint32_t found = known ? asked.head().fm_mapped_extents : 0;
    for (std::uint32_t i = 0; i < found; ++i) {
      const fiemap_extent extent = asked.extent(i);
      const std::uint64_t start = std::clamp<std::uint64_t>(extent.fe_logical, from, to);
      const std::uint64_t stop =
          std::clamp<std::uint64_t>(extent.fe_logical + extent.fe_length, start, to);
      list.add(from, start, StoreExtentState::deallocated);
      list.add(start, stop, StoreExtentState::anchored);
      from = stop;
    }
    if (found == Fiemap::count) continue;
    list.add(from, to, StoreExtentState::deallocated);
    return;
  }
}

}  // namespace

int map_extents(int fd, StoreRequest& request) {
  ExtentList list(request);
  const std::uint64_t end = request.offset + request.bytes;
  std::uint64_t at = request.offset;
  while (at < end && !list.full()) {
    const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno != ENXIO) return errno;  // ENXIO: from here on there is none
    const std::uint64_t hole_end = data < 0 ? end : std::min(static_cast<std::uint64_t>(data), end);
    add_hole(fd, at, hole_end, list);
    at = hole_end;
    if (at >= end) break;
    const off_t hole = ::lseek(fd, static_cast<off_t>(at), SEEK_HOLE);
    if (hole < 0) return errno;
    // The file may have changed between the two questions; what was data a moment ago counts as
    // such.
    const std::uint64_t data_end =
        std::min(std::max(static_cast<std::uint64_t>(hole), at + 512), end);
    list.add(at, data_end, StoreExtentState::mapped);
    at = data_end;
  }
  return 0;
}

}  // namespace holdfast::target
