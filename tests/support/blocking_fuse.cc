// A FUSE filesystem for tests: it passes everything on to another directory, and answers the calls
// that a rule names only when the rule is gone.
//
//   blocking_fuse BACKING MOUNTPOINT RULES
//
// RULES is a file that need not exist. While it does, each of its lines is "CALL NAME": a call of that
// name (create, write, fsync, mkdir, …) on a file whose last component is NAME, or on any for "*",
// waits until the line is gone. Whoever waits says so in RULES.blocked. Runs in the foreground until
// it is unmounted.

#define FUSE_USE_VERSION 35
#include <dirent.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

namespace {

std::string backing;
std::string rules_file;

std::string below(const char* path) { return backing + path; }

bool is_held(std::string_view call, const char* path) {
  std::ifstream rules(rules_file);
  const std::string_view whole(path == nullptr ? "" : path);
  const std::string_view last = whole.substr(whole.find_last_of('/') + 1);
  for (std::string named, name; rules >> named >> name;)
    if (named == call && (name == "*" || name == last)) return true;
  return false;
}

/// Waits while a rule holds the call.
void pass(const char* call, const char* path) {
  if (!is_held(call, path)) return;
  std::ofstream(rules_file + ".blocked", std::ios::app) << call << ' ' << (path == nullptr ? "" : path) << '\n';
  while (is_held(call, path)) std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

/// A system call's result as FUSE wants it.
template <typename T>
int answer(T result) {
  return result < 0 ? -errno : static_cast<int>(result);
}

int fd_of(const fuse_file_info* file) { return static_cast<int>(file->fh); }

int do_getattr(const char* path, struct stat* status, fuse_file_info* file) {
  pass("getattr", path);
  return answer(file != nullptr ? ::fstat(fd_of(file), status) : ::lstat(below(path).c_str(), status));
}

int do_readlink(const char* path, char* target, std::size_t bytes) {
  const ssize_t got = ::readlink(below(path).c_str(), target, bytes - 1);
  if (got < 0) return -errno;
  target[got] = '\0';
  return 0;
}

int do_mknod(const char* path, mode_t mode, dev_t device) {
  pass("mknod", path);
  return answer(::mknod(below(path).c_str(), mode, device));
}

int do_mkdir(const char* path, mode_t mode) {
  pass("mkdir", path);
  return answer(::mkdir(below(path).c_str(), mode));
}

int do_unlink(const char* path) { return answer(::unlink(below(path).c_str())); }
int do_rmdir(const char* path) { return answer(::rmdir(below(path).c_str())); }

int do_symlink(const char* target, const char* path) {
  pass("symlink", path);
  return answer(::symlink(target, below(path).c_str()));
}

int do_link(const char* from, const char* to) {
  pass("link", to);
  return answer(::link(below(from).c_str(), below(to).c_str()));
}

int do_chmod(const char* path, mode_t mode, fuse_file_info*) {
  pass("chmod", path);
  return answer(::chmod(below(path).c_str(), mode));
}

int do_chown(const char* path, uid_t uid, gid_t gid, fuse_file_info*) {
  pass("chown", path);
  return answer(::lchown(below(path).c_str(), uid, gid));
}

int do_truncate(const char* path, off_t bytes, fuse_file_info*) { return answer(::truncate(below(path).c_str(), bytes)); }

int do_utimens(const char* path, const timespec times[2], fuse_file_info*) {
  pass("utimens", path);
  return answer(::utimensat(AT_FDCWD, below(path).c_str(), times, AT_SYMLINK_NOFOLLOW));
}

int keep_open(int fd, fuse_file_info* file) {
  if (fd < 0) return -errno;
  file->fh = static_cast<std::uint64_t>(fd);
  return 0;
}

int do_create(const char* path, mode_t mode, fuse_file_info* file) {
  pass("create", path);
  // The kernel may read of what it writes.
  return keep_open(::open(below(path).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode), file);
}

int do_open(const char* path, fuse_file_info* file) {
  pass("open", path);
  return keep_open(::open(below(path).c_str(), (file->flags & (O_ACCMODE | O_TRUNC | O_NOATIME)) | O_CLOEXEC), file);
}

int do_read(const char* path, char* data, std::size_t bytes, off_t offset, fuse_file_info* file) {
  pass("read", path);
  return answer(::pread(fd_of(file), data, bytes, offset));
}

int do_write(const char* path, const char* data, std::size_t bytes, off_t offset, fuse_file_info* file) {
  pass("write", path);
  return answer(::pwrite(fd_of(file), data, bytes, offset));
}

int do_statfs(const char* path, struct statvfs* space) { return answer(::statvfs(below(path).c_str(), space)); }

int do_flush(const char* path, fuse_file_info*) {
  pass("flush", path);
  return 0;
}

int do_release(const char*, fuse_file_info* file) { return answer(::close(fd_of(file))); }

int do_fsync(const char* path, int, fuse_file_info* file) {
  pass("fsync", path);
  return answer(::fsync(fd_of(file)));
}

int do_setxattr(const char* path, const char* name, const char* value, std::size_t bytes, int flags) {
  return answer(::lsetxattr(below(path).c_str(), name, value, bytes, flags));
}
int do_getxattr(const char* path, const char* name, char* value, std::size_t bytes) {
  return answer(::lgetxattr(below(path).c_str(), name, value, bytes));
}
int do_listxattr(const char* path, char* names, std::size_t bytes) {
  return answer(::llistxattr(below(path).c_str(), names, bytes));
}
int do_removexattr(const char* path, const char* name) { return answer(::lremovexattr(below(path).c_str(), name)); }

int do_readdir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info*, fuse_readdir_flags) {
  pass("readdir", path);
  const int fd = ::open(below(path).c_str(), O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
  DIR* stream = fd < 0 ? nullptr : ::fdopendir(fd);
  if (stream == nullptr) return -errno;
  while (const dirent* entry = ::readdir(stream)) {
    struct stat status {};
    status.st_ino = entry->d_ino;
    status.st_mode = DTTOIF(entry->d_type);
    if (fill(buffer, entry->d_name, &status, 0, static_cast<fuse_fill_dir_flags>(0)) != 0) break;
  }
  ::closedir(stream);
  return 0;
}

off_t do_lseek(const char*, off_t offset, int whence, fuse_file_info* file) {
  const off_t found = ::lseek(fd_of(file), offset, whence);
  return found < 0 ? -errno : found;
}

void* do_init(fuse_conn_info*, fuse_config* config) {
  config->use_ino = 1;
  // A name is a name: what one of them changes is seen by the others, and unlinking unlinks.
  config->attr_timeout = 0;
  config->entry_timeout = 0;
  config->hard_remove = 1;
  return nullptr;
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) {
    std::fprintf(stderr, "usage: %s BACKING MOUNTPOINT RULES\n", words[0]);
    return 2;
  }
  backing = words[1];
  rules_file = words[3];
  ::umask(0);
  fuse_operations operations{};
  operations.getattr = do_getattr;
  operations.readlink = do_readlink;
  operations.mknod = do_mknod;
  operations.mkdir = do_mkdir;
  operations.unlink = do_unlink;
  operations.rmdir = do_rmdir;
  operations.symlink = do_symlink;
  operations.link = do_link;
  operations.chmod = do_chmod;
  operations.chown = do_chown;
  operations.truncate = do_truncate;
  operations.utimens = do_utimens;
  operations.create = do_create;
  operations.open = do_open;
  operations.read = do_read;
  operations.write = do_write;
  operations.statfs = do_statfs;
  operations.flush = do_flush;
  operations.release = do_release;
  operations.fsync = do_fsync;
  operations.setxattr = do_setxattr;
  operations.getxattr = do_getxattr;
  operations.listxattr = do_listxattr;
  operations.removexattr = do_removexattr;
  operations.readdir = do_readdir;
  operations.lseek = do_lseek;
  operations.init = do_init;
  std::string options = "default_permissions,fsname=blocking_fuse";
  char foreground[] = "-f";
  char option[] = "-o";
  char* arguments[] = {words[0], words[2], foreground, option, options.data()};
  return fuse_main(5, arguments, &operations, nullptr);
}
