#include "initiator/tree/ext4_format.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ext2fs/ext2fs.h>
#include <fmt/format.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "common/runtime/process.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint32_t block_bytes = 4096;
constexpr int image_fd_of_child = 3;

// Every feature by name, so that the result does not depend on this machine's mke2fs.conf. They are
// the defaults of Debian 12, and any kernel since 3.18 mounts them.
constexpr char features[] =
    "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,"
    "large_file,huge_file,dir_nlink,extra_isize,metadata_csum";

ProcessRequest mke2fs_request(const Ext4Options& options, std::uint64_t bytes, int image) {
  ProcessRequest request;
  request.program = "mke2fs";
  // Inode tables and journal are left as they are: what they held is told from ours by checksums
  // that a new UUID seeds. -m 0: nothing is kept back for root, the tree is all there is.
  request.arguments = {"-t", "ext4",
                       "-F", "-q",
                       "-b", std::to_string(block_bytes),
                       "-I", "256",
                       "-m", "0",
                       "-O", features,
                       "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0",
                       "-N", std::to_string(inodes_for(bytes, options.nodes))};
  if (!options.label.empty()) {
    request.arguments.push_back("-L");
    request.arguments.push_back(options.label);
  }
  request.arguments.push_back(fmt::format("/proc/self/fd/{}", image_fd_of_child));
  request.descriptors.emplace_back(image, image_fd_of_child);
  request.deadline = options.mke2fs_deadline;
  return request;
}

/// Of less mke2fs makes no filesystem, and says so in words that help nobody.
constexpr std::uint64_t least_bytes = 256 * KiB;

Error too_small(std::uint64_t device_bytes, const std::string& reason) {
  return Error{ErrorKind::out_of_space, ENOSPC,
               fmt::format("the device of {} bytes is too small: {}", device_bytes, reason)};
}

/// Compares what mke2fs left free with what is to come.
Status check_fits(int image, std::uint64_t bytes, const Ext4Options& options) {
  alignas(ext2_super_block) std::array<std::byte, SUPERBLOCK_SIZE> raw{};
  if (::pread(image, raw.data(), raw.size(), SUPERBLOCK_OFFSET) != SUPERBLOCK_SIZE)
    return Error::from_errno(errno, "read what mke2fs made");
  auto* super = reinterpret_cast<ext2_super_block*>(raw.data());
  const std::uint64_t free_bytes = ::ext2fs_free_blocks_count(super) * block_bytes;
  if (options.bytes > free_bytes)
    return too_small(bytes, fmt::format("an empty filesystem on it has {} bytes for data and "
                                        "directories, and {} are needed",
                                        free_bytes, options.bytes));
  if (options.nodes > super->s_free_inodes_count)
    return too_small(bytes, fmt::format("it has room for {} inodes, and {} are needed",
                                        super->s_free_inodes_count, options.nodes));
  return {};
}

}  // namespace

std::uint64_t inodes_for(std::uint64_t bytes, std::uint64_t nodes) {
  constexpr std::uint64_t bytes_per_inode = 16384;  // mke2fs's own ratio
  constexpr std::uint64_t reserved = 16;
  const std::uint64_t wanted = nodes + nodes / 16 + reserved;
  const std::uint64_t usual = bytes / bytes_per_inode;
  return std::clamp<std::uint64_t>(std::max(wanted, usual), reserved, 0xFFFF'0000);
}

Task<Result<Fd>> make_ext4_image(Loop& loop, std::uint64_t bytes, const Ext4Options& options) {
  const std::uint64_t usable = round_down(bytes, block_bytes);
  if (usable < least_bytes) co_return too_small(bytes, "ext4 takes 256 KiB at least");
  Fd image(::memfd_create("ext4", MFD_CLOEXEC));
  if (!image) co_return Error::from_errno(errno, "make a file in memory");
  if (::ftruncate(image.get(), static_cast<off_t>(usable)) != 0)
    co_return Error::from_errno(errno, "make a file in memory");
  const ProcessRequest request = mke2fs_request(options, usable, image.get());
  const Result<ProcessOutcome> outcome = co_await run_process(loop, request);
  if (!outcome) {
    Error error = outcome.error();
    if (error.code == ENOENT) error.message += " (it comes with the package e2fsprogs)";
    co_return error;
  }
  if (!outcome->succeeded()) {
    const ErrorKind kind = outcome->timed_out ? ErrorKind::timed_out : ErrorKind::refused;
    co_return Error{kind, EIO,
                    fmt::format("mke2fs for a device of {} bytes: {}", bytes, outcome->describe())};
  }
  const Status fits = check_fits(image.get(), bytes, options);
  if (!fits) co_return fits.error();
  co_return image;
}

Status load_image(int image, WriteBackCache& cache) {
  std::vector<std::byte> chunk(64 * KiB);
  off_t at = 0;
  for (;;) {
    const off_t data = ::lseek(image, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};
    const off_t hole = data < 0 ? -1 : ::lseek(image, data, SEEK_HOLE);
    if (hole < 0) return Error::from_errno(errno, "look for data in what mke2fs made");
    for (at = data; at < hole;) {
      const std::size_t bytes = std::min(chunk.size(), static_cast<std::size_t>(hole - at));
      const ssize_t got = ::pread(image, chunk.data(), bytes, at);
      if (got <= 0) return Error::from_errno(got < 0 ? errno : EIO, "read what mke2fs made");
      const auto read = static_cast<std::size_t>(got);
      if (cache.write(static_cast<std::uint64_t>(at), std::span(chunk).first(read)) != 0)
        return cache.failure() ? *cache.failure() : Error::from_errno(EIO, "write the filesystem");
      at += got;
    }
  }
}

}  // namespace holdfast::initiator
