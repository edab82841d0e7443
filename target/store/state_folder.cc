#include "target/store/state_folder.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "common/base/check.h"

namespace holdfast::target {
namespace {

/// Saves of different units may wait for the disk side by side.
constexpr unsigned threads_max = 4;

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

/// A file of a folder, replaced as a whole: a new one is written beside it and put in its place.
class FileInFolder final : public StateFile, private BlockingJob {
 public:
  FileInFolder(BlockingCrew& crew, int folder, std::string folder_path, std::string name)
      : crew_(crew),
        folder_(folder),
        folder_path_(std::move(folder_path)),
        name_(std::move(name)),
        new_name_(name_ + ".new") {}
  ~FileInFolder() override { CHECK(!saved_); }

  void save(std::string content, std::function<void(int error)> saved) override {
    CHECK(!saved_);
    content_ = std::move(content);
    saved_ = std::move(saved);
    crew_.submit(*this);
  }
  bool may_have_changed() const override { return replaced_; }
  std::string describe() const override { return folder_path_ + "/" + name_; }

 private:
  void work() override { error_ = replace(); }
  void finished() override { std::exchange(saved_, nullptr)(error_); }

  int replace() {
    replaced_ = false;
    if (const int error = write_new()) return error;
    if (::renameat(folder_, new_name_.c_str(), folder_, name_.c_str()) != 0) return errno;
    replaced_ = true;
    return ::fsync(folder_) == 0 ? 0 : errno;
  }

  int write_new() const {
    const Fd fd(::openat(folder_, new_name_.c_str(),
                         O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd.get() < 0) return errno;
    if (const int error = write_all(fd.get(), content_)) return error;
    return ::fsync(fd.get()) == 0 ? 0 : errno;
  }

  BlockingCrew& crew_;
  const int folder_;
  const std::string folder_path_;
  const std::string name_;
  const std::string new_name_;
  std::string content_;
  std::function<void(int error)> saved_;
  int error_ = 0;
  bool replaced_ = false;
};

Result<Fd> open_folder(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return Error::from_errno(errno, "open the state directory " + path);
  return fd;
}

}  // namespace

Result<std::unique_ptr<StateFolder>> StateFolder::open(const std::string& path, Loop& loop) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return Error::from_errno(errno, "make the state directory " + path);
  Result<Fd> fd = open_folder(path);
  if (!fd) return fd.error();
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Error::from_errno(errno, "lock the state directory " + path);
    return Error{ErrorKind::invalid_input, EWOULDBLOCK,
                 "another holdfastd is using the state directory " + path};
  }
  Result<std::unique_ptr<BlockingCrew>> crew = BlockingCrew::create(loop, threads_max);
  if (!crew) return crew.error();
  return std::unique_ptr<StateFolder>(new StateFolder(path, std::move(*fd), std::move(*crew)));
}

Result<std::unique_ptr<StateFolder>> StateFolder::look_into(const std::string& path) {
  Result<Fd> fd = open_folder(path);
  if (!fd) return fd.error();
  return std::unique_ptr<StateFolder>(new StateFolder(path, std::move(*fd), nullptr));
}

Result<std::optional<std::string>> StateFolder::read(const std::string& name,
                                                     std::size_t bytes_max) const {
  const std::string what = "read " + path_ + "/" + name;
  const Fd fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOENT) return std::optional<std::string>();
  if (fd.get() < 0) return Error::from_errno(errno, what);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return Error::from_errno(errno, what);
  const auto bytes = static_cast<std::size_t>(std::max<off_t>(status.st_size, 0));
  std::string content(std::min(bytes, bytes_max) + 1, '\0');
  std::size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got = ::read(fd.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno(errno, what);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  if (filled > bytes_max) return Error::from_errno(EFBIG, what);
  content.resize(filled);
  return std::optional<std::string>(std::move(content));
}

std::unique_ptr<StateFile> StateFolder::file(const std::string& name) {
  if (!crew_) return nullptr;
  return std::make_unique<FileInFolder>(*crew_, fd_.get(), path_, name);
}

Status StateFolder::check_writable() const {
  if (::faccessat(fd_.get(), ".", W_OK | X_OK, AT_EACCESS) == 0) return {};
  return Error::from_errno(errno, "write into the state directory " + path_);
}

}  // namespace holdfast::target
