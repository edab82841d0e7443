#include "initiator/tree/directory_probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/base/units.h"
#include "initiator/tree/directory_errors.h"
#include "initiator/tree/directory_listing.h"
#include "initiator/tree/local_metadata.h"
#include "initiator/tree/mount_table.h"

namespace holdfast::initiator {
namespace {

constexpr std::string_view folder_prefix = ".holdfast-";
constexpr const char* file_name = "file";
constexpr const char* fifo_name = "fifo";

Error for_the_user(std::string message, int code) { return Error{ErrorKind::invalid_input, code, std::move(message)}; }

Error cannot_write(const std::string& path, int code) {
  if (code == EROFS) return for_the_user(path + " is read-only", code);
  if (code == EACCES || code == EPERM) return for_the_user(path + " may not be written by this user", code);
  Error error = directory_error(code, path + ": make a directory in it");
  if (code == ENOSPC || code == EDQUOT) error = for_the_user(path + " has no room for even one directory", code);
  return error;
}

/// Removes a folder of ours, with what may be in it.
bool remove_folder(int directory, const std::string& name, CallSite& site) {
  site.enter("unlinkat");
  {
    const Fd folder(open_to_read(directory, name.c_str(), true));
    if (!folder) return false;
    ::unlinkat(folder.get(), file_name, 0);
    ::unlinkat(folder.get(), fifo_name, 0);
  }
  return ::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0;
}

/// Tries in a folder made for the purpose what the filesystem carries.
class Probe {
 public:
  Probe(OpenedDirectory& found, std::string type, CallSite& site)
      : found_(found), type_(std::move(type)), site_(site), folder_name_(fmt::format("{}{}", folder_prefix, ::getpid())) {}

  /// 0, or the errno with which not even a folder could be made.
  int run() {
    site_.enter("mkdirat");
    if (::mkdirat(found_.fd->get(), folder_name_.c_str(), 0700) != 0) return errno;
    folder_ = Fd(open_to_read(found_.fd->get(), folder_name_.c_str(), true));
    site_.enter("openat");
    file_ = Fd(::openat(folder_.get(), file_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    int error = file_ ? 0 : errno;
    if (file_) try_everything();
    file_.reset();
    folder_.reset();
    const bool removed = remove_folder(found_.fd->get(), folder_name_, site_);
    return removed || error != 0 ? error : errno;
  }

 private:
  void try_everything() {
    try_xattrs();
    try_acls();
    try_holes();
    try_owners();
    try_times();
    try_specials();
    compare_numbers();
  }

  void lacks(Shortcoming::Of of, std::string reason) { found_.shortcomings.push_back({of, std::move(reason)}); }

  void try_xattrs() {
    site_.enter("fsetxattr");
    if (::fsetxattr(file_.get(), "user.holdfast", "1", 1, 0) == 0) return;
    found_.abilities.xattrs = false;
    lacks(Shortcoming::Of::xattrs, fmt::format("{} holds no extended attributes here ({})", type_, std::strerror(errno)));
  }

  void try_acls() {
    // In the kernel's encoding: version 2, then tag, permissions and id of owner, one user, group,
    // mask and others.
    constexpr unsigned char acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 0, 0,
                                     255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255};
    site_.enter("fsetxattr");
    if (::fsetxattr(file_.get(), "system.posix_acl_access", acl, sizeof acl, 0) == 0) return;
    found_.abilities.acls = false;
    lacks(Shortcoming::Of::acls, fmt::format("{} holds no POSIX ACLs here ({})", type_, std::strerror(errno)));
  }

  void try_holes() {
    site_.enter("ftruncate");
    if (::ftruncate(file_.get(), 4 * MiB) != 0) return;
    const char byte = 'x';
    site_.enter("pwrite64");
    if (::pwrite(file_.get(), &byte, 1, 2 * MiB) != 1) return;
    site_.enter("lseek");
    if (::lseek(file_.get(), 0, SEEK_HOLE) == 0) return;
    lacks(Shortcoming::Of::holes, fmt::format("{} does not tell where files have holes", type_));
  }

  void try_owners() {
    constexpr std::uint32_t somebody = 54321;
    site_.enter("fchown");
    const bool given = ::fchown(file_.get(), somebody, somebody) == 0;
    const int error = errno;
    struct stat status {};
    const bool seen = ::fstat(file_.get(), &status) == 0 && status.st_uid == somebody && status.st_gid == somebody;
    if (given && seen) return;
    found_.abilities.owners = false;
    lacks(Shortcoming::Of::owners, given ? fmt::format("{} does not keep the owners that are set here", type_)
                                         : fmt::format("files cannot be given to their owners here ({})",
                                                       std::strerror(error)));
  }

  void try_times() {
    const timespec times[2] = {{.tv_sec = 1'234'567'890, .tv_nsec = 123'456'789},
                               {.tv_sec = 987'654'321, .tv_nsec = 987'654'321}};
    site_.enter("utimensat");
    struct stat status {};
    if (::futimens(file_.get(), times) != 0 || ::fstat(file_.get(), &status) != 0) return;
    if (status.st_mtim.tv_nsec != times[1].tv_nsec)
      lacks(Shortcoming::Of::nanoseconds,
            fmt::format("{} keeps times only to about {} ns here", type_, granularity(status.st_mtim.tv_nsec)));
    if (status.st_atim.tv_sec != times[0].tv_sec)
      lacks(Shortcoming::Of::access_times, fmt::format("{} does not keep times of access here", type_));
    else if (!heeds_noatime() && reading_is_noted(status))
      lacks(Shortcoming::Of::access_times,
            fmt::format("the server of {} notes that a file was read, also by a verification", type_));
  }

  /// A filesystem of this machine leaves the time of access alone when it is asked to.
  bool heeds_noatime() const {
    for (const char* local : {"ext", "xfs", "btrfs", "f2fs", "tmpfs", "ocfs2", "gfs2"})
      if (type_.starts_with(local)) return true;
    return false;
  }

  /// Whether the server, whose clock tells times of access, changes it when we read.
  bool reading_is_noted(const struct stat& before) {
    site_.enter("fsync");
    ::fsync(file_.get());
    ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
    site_.enter("openat");
    const Fd reader(open_to_read(folder_.get(), file_name, false));
    char byte = 0;
    site_.enter("pread64");
    if (::pread(reader.get(), &byte, 1, 2 * MiB) != 1) return false;
    struct statx after {};
    site_.enter("statx");
    if (::statx(reader.get(), "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_ATIME, &after) != 0) return false;
    return after.stx_atime.tv_sec != before.st_atim.tv_sec;
  }

  /// The largest power of ten that divides what is left of 987,654,321.
  static long granularity(long nanoseconds) {
    long step = 1;
    while (step < 1'000'000'000 && nanoseconds % (step * 10) == 0) step *= 10;
    return step;
  }

  void try_specials() {
    site_.enter("mknodat");
    if (::mknodat(folder_.get(), fifo_name, S_IFIFO | 0600, 0) == 0) return;
    lacks(Shortcoming::Of::specials,
          fmt::format("{} holds no fifos, sockets and devices here ({})", type_, std::strerror(errno)));
  }

  void compare_numbers() {
    struct stat status {};
    site_.enter("fstat");
    if (::fstat(file_.get(), &status) != 0) return;
    Result<std::vector<ListedName>> names = list_directory(folder_.get(), site_);
    if (!names) return;
    for (const ListedName& one : *names)
      if (one.name == file_name) found_.numbers_in_entries = one.number == status.st_ino;
  }

  OpenedDirectory& found_;
  const std::string type_;
  CallSite& site_;
  const std::string folder_name_;
  Fd folder_;
  Fd file_;
};

Status check_empty(const OpenedDirectory& directory, const std::string& path, bool is_ext, CallSite& site) {
  Result<std::vector<ListedName>> names = list_directory(directory.fd->get(), site);
  if (!names) return for_the_user(path + ": " + names.error().message, names.error().code);
  for (const ListedName& one : *names) {
    if (is_ext && one.name == lost_and_found) continue;
    // What a run left that was given up while it tried.
    if (one.name.starts_with(folder_prefix) && remove_folder(directory.fd->get(), one.name, site)) continue;
    return for_the_user(fmt::format("{} is not empty (it has {}): a copy goes into an empty directory", path, one.name),
                        ENOTEMPTY);
  }
  return {};
}

}  // namespace

Result<OpenedDirectory> open_directory(const std::string& path, bool for_writing, CallSite& site) {
  OpenedDirectory found;
  site.enter("openat");
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME));
  if (!fd && errno == EPERM) fd = Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    const int error = errno;
    if (error == ENOENT) return for_the_user(path + " does not exist: make the directory, or mount it, first", error);
    if (error == ENOTDIR) return for_the_user(path + " is not a directory", error);
    return directory_error(error, "open " + path);
  }
  found.fd = std::make_shared<const Fd>(std::move(fd));
  const int directory = found.fd->get();

  const MountEntry mount = mount_of(directory).value_or(MountEntry{.type = "the filesystem", .source = "", .options = ""});
  const bool is_ext = mount.type.starts_with("ext");
  found.sync_each_file = mount.type.starts_with("fuse");
  found.negotiated = {{"path", path_of_open_file(directory).value_or(path)},
                      {"filesystem", mount.type},
                      {"mounted", mount.source},
                      {"options", mount.options},
                      {"sync", found.sync_each_file ? "fsync of each file" : "syncfs"}};
  site.enter("fstatfs");
  struct statvfs space {};
  if (::fstatvfs(directory, &space) != 0) return directory_error(errno, "measure " + path);
  found.free_bytes = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
  if (for_writing) {
    if (Status empty = check_empty(found, path, is_ext, site); !empty) return empty.error();
  }

  struct stat before {};
  site.enter("fstat");
  if (::fstat(directory, &before) != 0) return directory_error(errno, "look at " + path);
  const int error = Probe(found, mount.type, site).run();
  if (for_writing && error != 0) return cannot_write(path, error);
  if (!for_writing && error == 0) {
    // What we tried leaves no trace in the copy.
    const timespec times[2] = {before.st_atim, before.st_mtim};
    site.enter("utimensat");
    ::futimens(directory, times);
  }
  site.enter("fgetxattr");
  found.gives_acl = ::fgetxattr(directory, "system.posix_acl_default", nullptr, 0) > 0;
  return found;
}

}  // namespace holdfast::initiator
