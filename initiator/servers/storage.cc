#include "initiator/servers/storage.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <new>
#include <sstream>

#include "initiator/servers/keeper_process.h"

namespace holdfast::initiator {
namespace {

namespace fs = std::filesystem;

/// Waits until nobody holds `pipe` any more, and removes the folder.
[[noreturn]] void remove_when_free(const std::string& folder, int pipe) {
  become_keeper("holdfast-folder", {pipe});
  char nothing = 0;
  while (::read(pipe, &nothing, 1) < 0 && errno == EINTR) {
  }
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  ::_exit(0);
}

}  // namespace

Result<Storage> Storage::make(const std::string& parent) {
  std::error_code error;
  std::string folder = fs::absolute(parent, error).string() + "/holdfast-compare.XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return Error::from_errno(errno, "make a folder in " + parent);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    const int code = errno;
    ::rmdir(folder.c_str());
    return Error::from_errno(code, "open a pipe");
  }
  Fd waiting(ends[0]);
  Fd held(ends[1]);
  const pid_t remover = ::fork();
  if (remover < 0) {
    const int code = errno;
    ::rmdir(folder.c_str());
    return Error::from_errno(code, "start a process");
  }
  if (remover == 0) remove_when_free(folder, waiting.get());
  return Storage(std::move(folder), remover, std::move(held));
}

Storage::~Storage() {
  if (!held_) return;
  held_.reset();
  while (::waitpid(remover_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string Storage::filesystem() const {
  struct stat status {};
  if (::stat(folder_.c_str(), &status) != 0) return "unknown";
  const std::string device =
      std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id;
    std::string parent;
    std::string numbers;
    words >> id >> parent >> numbers;
    const std::size_t dash = line.find(" - ");
    if (numbers != device || dash == std::string::npos) continue;
    std::istringstream rest(line.substr(dash + 3));
    std::string type;
    std::string source;
    rest >> type >> source;
    return type + " on " + source;
  }
  return "a filesystem that /proc/self/mountinfo does not name";
}

std::uint64_t Storage::free_bytes() const {
  struct statvfs status {};
  if (::statvfs(folder_.c_str(), &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

Status Storage::opens_by_handle() const {
  alignas(file_handle) std::array<std::byte, sizeof(file_handle) + MAX_HANDLE_SZ> memory{};
  auto* handle = new (memory.data()) file_handle{};
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  if (::name_to_handle_at(AT_FDCWD, folder_.c_str(), handle, &mount, 0) != 0)
    return Error::from_errno(errno, "name_to_handle_at " + folder_);
  const Fd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const Fd opened(::open_by_handle_at(folder.get(), handle, O_RDONLY | O_CLOEXEC));
  if (!opened) return Error::from_errno(errno, "open_by_handle_at " + folder_);
  return Status();
}

Result<std::string> Storage::make_folder(const std::string& name) const {
  std::string path = folder_ + "/" + name;
  if (::mkdir(path.c_str(), 0700) != 0) return Error::from_errno(errno, "make the folder " + path);
  return path;
}

Status renew_image(const std::string& path, std::uint64_t bytes) {
  const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return Error::from_errno(errno, "make the image " + path);
  const auto size = static_cast<off_t>(bytes);
  // A hole over all of it leaves the size as a server that has it open knows it.
  const bool emptied = ::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size) == 0;
  if (!emptied && ::ftruncate(file.get(), 0) != 0) return Error::from_errno(errno, "empty the image " + path);
  if (::ftruncate(file.get(), size) != 0) return Error::from_errno(errno, "size the image " + path);
  // The freeing of blocks is work for the filesystem, which the next run should not meet.
  if (::fsync(file.get()) != 0) return Error::from_errno(errno, "sync the image " + path);
  return Status();
}

bool has_room_for(const std::string& folder, std::uint64_t bytes) {
  struct statvfs place {};
  if (::statvfs(folder.c_str(), &place) != 0) return false;
  const bool has_inodes = place.f_files == 0 || place.f_favail > place.f_files / 10;
  return has_inodes && std::uint64_t{place.f_bavail} * place.f_frsize >= bytes;
}

Status empty_folder(const std::string& path) {
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    fs::remove_all(entry->path(), error);
    if (error) break;
  }
  if (error) return Error::from_errno(error.value(), "empty the folder " + path);
  const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::syncfs(folder.get());
  return Status();
}

}  // namespace holdfast::initiator
