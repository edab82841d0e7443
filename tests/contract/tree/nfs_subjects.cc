#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <utility>

#include <fmt/format.h>

#include "initiator/tree/nfs_tree.h"
#include "tests/contract/tree/subject.h"
#include "tests/contract/tree/tree_contract.h"
#include "tests/support/ganesha.h"

namespace holdfast::initiator {
namespace {

using testing_support::Ganesha;

/// Reading through the server changes the time of last access, which a test wants to see as it was.
class LeavesNoTrace {
 public:
  explicit LeavesNoTrace(const std::string& path) : path_(path), known_(::lstat(path.c_str(), &was_) == 0) {}
  ~LeavesNoTrace() {
    const timespec times[2] = {was_.st_atim, {.tv_sec = 0, .tv_nsec = UTIME_OMIT}};
    if (known_) ::utimensat(AT_FDCWD, path_.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
  LeavesNoTrace(const LeavesNoTrace&) = delete;
  LeavesNoTrace& operator=(const LeavesNoTrace&) = delete;

 private:
  const std::string path_;
  struct stat was_ {};
  const bool known_;
};

/// A directory that nfs-ganesha serves, compared with what lies on its disk.
class NfsSubject : public TreeSubject {
 public:
  explicit NfsSubject(unsigned version, const char* more = "") : version_(version), more_(more) {}

  std::string prepare(Loop& loop) override {
    loop_ = &loop;
    Ganesha::Options options;
    options.version = version_;
    Result<std::unique_ptr<Ganesha>> started = Ganesha::start(options);
    if (!started) return started.error().message;
    server_ = std::move(started).value();
    return {};
  }
  TreeLimits limits() const override {
    TreeLimits limits;
    limits.earliest = version_ == 3 ? -1 : -2'147'483'648;
    limits.wide = 2000;
    limits.many_ranges = 1000;
    limits.latest = version_ == 3 ? 0x1'0000'0000 : 15'032'385'535;
    return limits;
  }
  Task<Result<std::unique_ptr<Tree>>> make() override {
    Result<std::unique_ptr<Tree>> tree = co_await open(true);
    co_return tree;
  }
  Task<Result<std::unique_ptr<Tree>>> reopen() override {
    Result<std::unique_ptr<Tree>> tree = co_await open(false);
    co_return tree;
  }
  std::string judge() override {
    complaint_.clear();
    loop_->run(compare());
    return complaint_;
  }

 private:
  Task<Result<std::unique_ptr<Tree>>> open(bool writable) {
    Result<NfsUrl> url = NfsUrl::parse(server_->url() + more_);
    NfsTree::Options options;
    options.writable = writable;
    options.findings = findings_;
    Result<std::unique_ptr<Tree>> tree = co_await NfsTree::open(*loop_, std::move(url).value(), options);
    co_return tree;
  }

  /// Every node as the protocol tells it, against what the kernel says of the server's own directory.
  Task<void> compare() {
    Result<std::unique_ptr<Tree>> opened = co_await open(false);
    if (!opened) {
      complaint_ = opened.error().message;
      co_return;
    }
    Tree& tree = **opened;
    std::vector<std::pair<NodeId, std::string>> waiting = {{tree.root(), server_->directory()}};
    while (!waiting.empty() && complaint_.empty()) {
      const auto [node, path] = waiting.back();
      waiting.pop_back();
      const LeavesNoTrace as_it_was(path);
      Result<std::vector<DirectoryEntry>> entries = co_await tree.read_directory(node);
      if (!entries) {
        complaint_ = path + ": " + entries.error().message;
        break;
      }
      std::size_t on_disk = 0;
      if (DIR* directory = ::opendir(path.c_str())) {
        while (::readdir(directory) != nullptr) ++on_disk;
        ::closedir(directory);
      }
      if (on_disk != entries->size() + 2)
        complaint_ = fmt::format("{} has {} entries on the disk", path, on_disk);
      for (const DirectoryEntry& entry : *entries) {
        const std::string below = path + "/" + entry.name;
        co_await compare_node(tree, entry.node, below);
        if (S_ISDIR(entry.mode)) waiting.emplace_back(entry.node, below);
      }
    }
    const Status closed = co_await tree.close();
    static_cast<void>(closed);
  }

  Task<void> compare_node(Tree& tree, NodeId node, const std::string& path) {
    const LeavesNoTrace as_it_was(path);
    struct stat is {};
    // Deeper than the kernel takes a path, the protocol's word has to do.
    if (path.size() >= 4000) co_return;
    if (::lstat(path.c_str(), &is) != 0) {
      complaint_ = path + " is not on the disk";
      co_return;
    }
    const Result<Attributes> told = co_await tree.read_attributes(node);
    if (!told) {
      complaint_ = path + ": " + told.error().message;
      co_return;
    }
    const bool same = told->mode == is.st_mode && told->uid == is.st_uid && told->gid == is.st_gid &&
                      told->links == is.st_nlink && told->modified.seconds == is.st_mtim.tv_sec &&
                      told->modified.nanoseconds == is.st_mtim.tv_nsec &&
                      (!S_ISREG(is.st_mode) || told->bytes == static_cast<std::uint64_t>(is.st_size)) &&
                      told->device == (S_ISCHR(is.st_mode) || S_ISBLK(is.st_mode) ? is.st_rdev : 0);
    if (!same)
      complaint_ = fmt::format("{}: mode {:o} {:o}, owner {} {}, links {} {}, modified {}.{} {}.{}, bytes {} {}", path,
                               told->mode, is.st_mode, told->uid, is.st_uid, told->links, is.st_nlink,
                               told->modified.seconds, told->modified.nanoseconds, is.st_mtim.tv_sec,
                               is.st_mtim.tv_nsec, told->bytes, is.st_size);
    if (S_ISREG(is.st_mode)) co_await compare_data(tree, node, path);
  }

  /// What holds data on the disk; the rest is zeros on both sides if the sizes agree.
  Task<void> compare_data(Tree& tree, NodeId node, const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME));
    constexpr std::size_t piece = 1 * MiB;
    Bytes on_disk(piece);
    for (off_t at = ::lseek(file.get(), 0, SEEK_DATA); at >= 0; at = ::lseek(file.get(), at, SEEK_DATA)) {
      at = at / 4096 * 4096;
      const ssize_t got = ::pread(file.get(), on_disk.data(), piece, at);
      if (got <= 0) break;
      const auto bytes = static_cast<std::size_t>(got);
      const Bytes told = co_await content_of(tree, node, static_cast<std::uint64_t>(at), bytes);
      if (!std::equal(told.begin(), told.end(), on_disk.begin(), on_disk.begin() + got))
        complaint_ = fmt::format("{} differs from the disk after byte {}", path, at);
      at += got;
    }
  }

  const unsigned version_;
  const std::string more_;
  Loop* loop_ = nullptr;
  std::unique_ptr<Ganesha> server_;
  std::shared_ptr<NfsFindings> findings_ = std::make_shared<NfsFindings>();
  std::string complaint_;
};

}  // namespace

std::unique_ptr<TreeSubject> make_nfs4_on_ganesha() { return std::make_unique<NfsSubject>(4); }
/// In small pieces, so that every large write and read fans out.
std::unique_ptr<TreeSubject> make_nfs3_on_ganesha() { return std::make_unique<NfsSubject>(3, "&transfer=16384"); }

}  // namespace holdfast::initiator
