#include "target/store/file_store.h"

#include <algorithm>
#include <array>
#include <bit>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <utility>

namespace holdfast::target {
namespace {

Error wrong(const std::string& path, const std::string& why) {
  return Error{ErrorKind::invalid_input, 0, path + ": " + why};
}

Error wrong(const std::string& path, int code) {
  Error error = Error::from_errno(code, path);
  if (code == EBUSY) error.message += " (mounted, or claimed by another program)";
  return error;
}

Error not_writable(const std::string& path, int code) {
  Error error = wrong(path, code);
  if (code == EACCES || code == EROFS || code == EPERM)
    error.message += " (it is to be written; IOMode=ro serves it without)";
  return error;
}

/// What is there, in words, where it is not what can be served.
const char* kind_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a directory";
    case S_IFCHR:
      return "a character device";
    case S_IFIFO:
      return "a fifo";
    case S_IFSOCK:
      return "a socket";
    case S_IFREG:
      return "a regular file";
    case S_IFBLK:
      return "a block device";
    default:
      return "something else";
  }
}

bool can_be_served(const struct stat& status, bool devices_only) {
  return S_ISBLK(status.st_mode) || (S_ISREG(status.st_mode) && !devices_only);
}

Error not_of_its_kind(const std::string& path, const struct stat& status, bool devices_only) {
  return wrong(path,
               fmt::format("is {}, not {}", kind_name(status.st_mode),
                           devices_only ? "a block device" : "a regular file or block device"));
}

/// Opens without ever waiting (a fifo would make us) and without touching what is not to be served
/// anyway (opening a tape or a watchdog has effects). `status` is of what was opened.
Result<Fd> open_path(const std::string& path, bool devices_only, const StoreOpenOptions& options,
                     struct stat& status) {
  if (::stat(path.c_str(), &status) != 0) return wrong(path, errno);
  if (!can_be_served(status, devices_only)) return not_of_its_kind(path, status, devices_only);
  if (options.only_look && !options.read_only &&
      ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0)
    return not_writable(path, errno);
  int flags = O_CLOEXEC | O_NONBLOCK;
  flags |= options.read_only || options.only_look ? O_RDONLY : O_RDWR;
  if (devices_only && !options.only_look) flags |= O_EXCL;
  Fd fd(::open(path.c_str(), flags));
  if (!fd) return options.read_only ? wrong(path, errno) : not_writable(path, errno);
  // The path may lead elsewhere by now, so what was opened is looked at again.
  if (::fstat(fd.get(), &status) != 0) return wrong(path, errno);
  if (!can_be_served(status, devices_only)) return not_of_its_kind(path, status, devices_only);
  // O_NONBLOCK was for the open: io_uring would answer EAGAIN where it should wait.
  if (::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK) != 0)
    return wrong(path, errno);
  return fd;
}

/// The same file or device again, past the page cache: by the descriptor, since the path may lead
/// elsewhere by now.
Status open_direct(const std::string& path, int fd, const StoreOpenOptions& options, DirectWay& direct) {
  const int flags = O_CLOEXEC | O_DIRECT | (options.read_only || options.only_look ? O_RDONLY : O_RDWR);
  direct.fd = Fd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(), flags));
  if (!direct.fd && errno == EINVAL)
    return wrong(path, "its filesystem has no direct I/O; IOMode=wt or wb serves it through the page cache");
  if (!direct.fd) return wrong(path, errno);
  struct statx status {};
  const bool told = ::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
                    (status.stx_mask & STATX_DIOALIGN) != 0 && status.stx_dio_offset_align != 0;
  if (told) {
    direct.memory_alignment = status.stx_dio_mem_align;
    direct.offset_alignment = status.stx_dio_offset_align;
  }
  return {};
}

/// A block size from the kernel, as the waist promises it.
std::uint32_t sane_block_bytes(std::uint64_t bytes) {
  const bool sane = std::has_single_bit(bytes) && bytes >= 512 && bytes <= (1u << 30);
  return sane ? static_cast<std::uint32_t>(bytes) : 512;
}

StoreIdentity identity_of(const struct stat& status) {
  if (S_ISBLK(status.st_mode)) return {.is_device = true, .device = status.st_rdev, .inode = 0};
  return {.is_device = false, .device = status.st_dev, .inode = status.st_ino};
}

Status measure_device(const std::string& path, int fd, bool read_only, DescriptorFacts& facts) {
  facts.description = "device " + path;
  int logical = 0;
  unsigned physical = 0;
  int write_protected = 0;
  if (::ioctl(fd, BLKGETSIZE64, &facts.size) != 0 || ::ioctl(fd, BLKSSZGET, &logical) != 0 ||
      ::ioctl(fd, BLKPBSZGET, &physical) != 0 || ::ioctl(fd, BLKROGET, &write_protected) != 0)
    return wrong(path, errno);
  if (write_protected != 0 && !read_only) return not_writable(path, EROFS);
  facts.logical_block_bytes = sane_block_bytes(static_cast<std::uint64_t>(logical));
  facts.physical_block_bytes = std::max(sane_block_bytes(physical), facts.logical_block_bytes);
  return {};
}

/// Whether a file's pages are all that there is of it.
bool lives_in_memory(int fd) {
  struct statfs filesystem {};
  if (::fstatfs(fd, &filesystem) != 0) return false;
  constexpr std::array<std::uint32_t, 3> kinds = {TMPFS_MAGIC, RAMFS_MAGIC, HUGETLBFS_MAGIC};
  return std::ranges::count(kinds, static_cast<std::uint32_t>(filesystem.f_type)) != 0;
}

void measure_file(const std::string& path, int fd, const struct stat& status, DescriptorFacts& facts) {
  facts.description = "file " + path;
  facts.size = static_cast<std::uint64_t>(status.st_size);
  facts.logical_block_bytes = 512;
  facts.physical_block_bytes = sane_block_bytes(static_cast<std::uint64_t>(status.st_blksize));
  facts.in_memory = lives_in_memory(fd);
}

Result<std::unique_ptr<DescriptorStore>> open_store(const std::string& path, bool devices_only,
                                                    const StoreOpenOptions& options) {
  struct stat status {};
  Result<Fd> fd = open_path(path, devices_only, options, status);
  if (!fd) return fd.error();
  DescriptorFacts facts;
  facts.identity = identity_of(status);
  facts.read_only = options.read_only || options.only_look;
  if (S_ISBLK(status.st_mode)) {
    Status measured = measure_device(path, fd->get(), options.read_only, facts);
    if (!measured) return measured.error();
  } else {
    measure_file(path, fd->get(), status, facts);
  }
  if (facts.size < facts.logical_block_bytes)
    return wrong(path, fmt::format("holds {} bytes, less than one block of {}", facts.size,
                                   facts.logical_block_bytes));
  DirectWay direct;
  if (options.direct) {
    Status opened = open_direct(path, fd->get(), options, direct);
    if (!opened) return opened.error();
  }
  return std::make_unique<DescriptorStore>(std::move(fd).value(), std::move(direct), std::move(facts), options.ways);
}

}  // namespace

Result<std::unique_ptr<DescriptorStore>> open_file_store(const std::string& path,
                                                         const StoreOpenOptions& options) {
  return open_store(path, false, options);
}

Result<std::unique_ptr<DescriptorStore>> open_block_store(const std::string& path,
                                                          const StoreOpenOptions& options) {
  return open_store(path, true, options);
}

std::optional<StoreIdentity> identify_store(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return identity_of(status);
}

bool is_claimed(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return false;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_EXCL));
  return !fd && errno == EBUSY;
}

}  // namespace holdfast::target
