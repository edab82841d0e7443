#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>

#include "common/base/units.h"
#include "initiator/tree/directory_tree.h"
#include "tests/contract/tree/subject.h"
#include "tests/support/mounted_image.h"
#include "tests/support/program.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::initiator {
namespace {

constexpr Duration deadline = std::chrono::seconds(60);

/// A tree in a directory of some filesystem.
class DirectorySubject : public TreeSubject {
 public:
  std::string prepare(Loop& loop) override {
    loop_ = &loop;
    return ::geteuid() == 0 ? "" : "needs root to give files to others";
  }
  Task<Result<std::unique_ptr<Tree>>> make() override {
    std::string path = directory();
    Result<std::unique_ptr<Tree>> tree = co_await DirectoryTree::make(*loop_, std::move(path), deadline);
    co_return tree;
  }
  Task<Result<std::unique_ptr<Tree>>> reopen() override {
    std::string path = directory();
    Result<std::unique_ptr<Tree>> tree = co_await DirectoryTree::open(*loop_, std::move(path), deadline);
    co_return tree;
  }
  /// The filesystem is the kernel's, and not for us to judge.
  std::string judge() override { return {}; }

 protected:
  virtual std::string directory() const = 0;
  Loop* loop_ = nullptr;
};

/// The kernel cuts the nanoseconds of the first and the last second that ext4 can say.
TreeLimits ext4_limits() {
  TreeLimits limits;
  limits.earliest = -2'147'483'648;
  limits.latest = 15'032'385'535;
  return limits;
}

/// Wherever temporary files are.
class DirectoryOnDisk final : public DirectorySubject {
 public:
  std::string prepare(Loop& loop) override {
    struct statfs status {};
    if (::statfs(folder_.path().c_str(), &status) != 0 || status.f_type != EXT4_SUPER_MAGIC)
      return "temporary files are not on ext4";
    return DirectorySubject::prepare(loop);
  }
  TreeLimits limits() const override { return ext4_limits(); }

 protected:
  std::string directory() const override { return folder_.path(); }
  TemporaryFolder folder_;
};

class DirectoryOnTmpfs final : public DirectorySubject {
 public:
  ~DirectoryOnTmpfs() override {
    if (!path_.empty()) run_shell("rm -rf " + path_);
  }
  std::string prepare(Loop& loop) override {
    struct statfs status {};
    if (::statfs("/dev/shm", &status) != 0 || status.f_type != TMPFS_MAGIC) return "/dev/shm is no tmpfs";
    std::string pattern = "/dev/shm/holdfast-test.XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) return "/dev/shm is not writable";
    path_ = pattern;
    return DirectorySubject::prepare(loop);
  }
  TreeLimits limits() const override {
    TreeLimits limits;
    limits.xattr_bytes = 65'536;
    return limits;
  }

 protected:
  std::string directory() const override { return path_; }
  std::string path_;
};

/// On a filesystem of its own, which its own checker judges.
class DirectoryOnImage : public DirectorySubject {
 public:
  DirectoryOnImage(std::string type, std::string checker, const TreeLimits& limits)
      : type_(std::move(type)), checker_(std::move(checker)), limits_(limits) {}
  TreeLimits limits() const override { return limits_; }
  std::string prepare(Loop& loop) override {
    if (std::string reason = DirectorySubject::prepare(loop); !reason.empty()) return reason;
    Result<std::unique_ptr<MountedImage>> mounted = MountedImage::make(type_, 1 * GiB);
    if (!mounted) return mounted.error().message;
    mounted_ = std::move(mounted).value();
    ::rmdir((mounted_->path() + "/lost+found").c_str());  // Its parent counts it as a link.
    return {};
  }
  std::string judge() override {
    if (!mounted_->unmount()) return "somebody is still in it";
    const ShellAnswer checked = run_shell(checker_ + " " + mounted_->image());
    const Status again = mounted_->mount();
    if (!again) return again.error().message;
    return checked.exit_code == 0 ? "" : checked.output;
  }

 protected:
  std::string directory() const override { return mounted_->path(); }

 private:
  const std::string type_;
  const std::string checker_;
  const TreeLimits limits_;
  std::unique_ptr<MountedImage> mounted_;
};

/// Behind a FUSE server, which numbers, locks and syncs in its own way.
class DirectoryOnFuse final : public DirectorySubject {
 public:
  ~DirectoryOnFuse() override {
    ::umount2(directory().c_str(), MNT_DETACH);
    testing_support::kill_program(server_);
  }
  std::string prepare(Loop& loop) override {
    if (std::string reason = DirectorySubject::prepare(loop); !reason.empty()) return reason;
    if (::access("/dev/fuse", R_OK | W_OK) != 0) return "no /dev/fuse";
    const std::string backing = folder_.file("backing");
    struct statfs status {};
    ::mkdir(backing.c_str(), 0755);
    ::mkdir(directory().c_str(), 0755);
    if (::statfs(backing.c_str(), &status) != 0 || status.f_type != EXT4_SUPER_MAGIC)
      return "temporary files are not on ext4";
    server_ = testing_support::start_program({BLOCKING_FUSE, backing, directory(), folder_.file("rules")});
    for (int i = 0; i < 500; ++i) {
      if (::statfs(directory().c_str(), &status) == 0 && status.f_type == FUSE_SUPER_MAGIC) return {};
      if (testing_support::has_ended(server_)) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return "cannot mount FUSE here";
  }
  TreeLimits limits() const override { return ext4_limits(); }

 protected:
  std::string directory() const override { return folder_.file("mount"); }

 private:
  TemporaryFolder folder_;
  pid_t server_ = -1;
};

}  // namespace

std::unique_ptr<TreeSubject> make_directory_on_fuse() { return std::make_unique<DirectoryOnFuse>(); }
std::unique_ptr<TreeSubject> make_directory_on_disk() { return std::make_unique<DirectoryOnDisk>(); }
std::unique_ptr<TreeSubject> make_directory_on_tmpfs() { return std::make_unique<DirectoryOnTmpfs>(); }
std::unique_ptr<TreeSubject> make_directory_on_ext4() {
  return std::make_unique<DirectoryOnImage>("ext4", "e2fsck -fn", ext4_limits());
}
std::unique_ptr<TreeSubject> make_directory_on_xfs() {
  TreeLimits limits;
  limits.symlink_bytes = 1024;
  limits.xattr_bytes = 65'536;
  limits.large_devices = false;
  limits.earliest = -2'147'483'648;
  return std::make_unique<DirectoryOnImage>("xfs", "xfs_repair -n", limits);
}

}  // namespace holdfast::initiator
