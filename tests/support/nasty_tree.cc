#include "tests/support/nasty_tree.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "common/runtime/fd.h"

namespace holdfast::test {
namespace {

void must(bool done, const std::string& what) {
  if (!done) throw std::runtime_error(what + ": " + std::generic_category().message(errno));
}

/// A directory by its descriptor: what is made in it needs no path.
class Place {
 public:
  explicit Place(Fd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }

  Place directory(const std::string& name, mode_t mode = 0755) const {
    must(::mkdirat(fd(), name.c_str(), 0755) == 0, "mkdir " + name);
    must(::fchmodat(fd(), name.c_str(), mode, 0) == 0, "chmod " + name);
    Fd made(::openat(fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    must(static_cast<bool>(made), "open " + name);
    return Place(std::move(made));
  }

  Fd file(const std::string& name, const std::string& content = {}, mode_t mode = 0644) const {
    Fd made(::openat(fd(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    must(static_cast<bool>(made), "create " + name);
    for (std::size_t at = 0; at < content.size();) {
      const ssize_t put = ::write(made.get(), content.data() + at, content.size() - at);
      must(put > 0, "write " + name);
      at += static_cast<std::size_t>(put);
    }
    must(::fchmod(made.get(), mode) == 0, "chmod " + name);
    return made;
  }

  void symlink(const std::string& name, const std::string& target) const {
    must(::symlinkat(target.c_str(), fd(), name.c_str()) == 0, "symlink " + name);
  }

  void link(const std::string& name, const Place& to, const std::string& to_name) const {
    must(::linkat(fd(), name.c_str(), to.fd(), to_name.c_str(), 0) == 0, "link " + to_name);
  }

  void node(const std::string& name, mode_t mode, dev_t device = 0) const {
    must(::mknodat(fd(), name.c_str(), mode, device) == 0, "mknod " + name);
    must(::fchmodat(fd(), name.c_str(), mode & 07777, 0) == 0, "chmod " + name);
  }

  void time(const std::string& name, std::int64_t seconds, long nanoseconds) const {
    const timespec both[2] = {{.tv_sec = seconds - 5, .tv_nsec = nanoseconds / 2},
                              {.tv_sec = seconds, .tv_nsec = nanoseconds}};
    must(::utimensat(fd(), name.c_str(), both, AT_SYMLINK_NOFOLLOW) == 0, "touch " + name);
  }

 private:
  Fd fd_;
};

void make_plain(const Place& root) {
  const Place plain = root.directory("plain");
  std::uint64_t seed = 1;
  for (std::size_t bytes : {0u, 1u, 100u, 4095u, 4096u, 4097u, 65535u, 65536u, 65537u, 1048576u,
                            1048577u, 3 * 1048576u + 17u, 24 * 1048576u + 1u})
    plain.file("bytes_" + std::to_string(bytes), noise(seed++, bytes));
  plain.file("zeros", std::string(200'000, '\0'));
}

void make_links(const Place& root) {
  const Place here = root.directory("links");
  const Place there = root.directory("links_too");
  here.file("three_names", noise(100, 5000));
  here.link("three_names", here, "second");
  here.link("three_names", there, "third");
  here.symlink("symlink", "nowhere");
  here.link("symlink", there, "same_symlink");
  here.node("fifo", S_IFIFO | 0640);
  here.link("fifo", there, "same_fifo");
  there.file("empty");
  there.link("empty", there, "empty_too");
}

void make_symlinks(const Place& root) {
  const Place links = root.directory("symlinks");
  links.symlink("to_nowhere", "no/such/thing");
  links.symlink("to_directory", "../plain");
  links.symlink("to_itself", "to_itself");
  links.symlink("absolute", "/etc/passwd");
  links.symlink("bytes", "\xff\xfe\n \x80");
  for (std::size_t bytes : {1u, 59u, 60u, 61u, 1000u, 4095u})
    links.symlink("length_" + std::to_string(bytes), std::string(bytes, 'x'));
}

void make_specials(const Place& root, std::vector<std::string>& left_out) {
  const Place specials = root.directory("specials");
  specials.node("fifo", S_IFIFO | 0604);
  specials.node("socket", S_IFSOCK | 0755);
  if (::geteuid() != 0) {
    left_out.push_back("device nodes: not root");
    return;
  }
  if (::mknodat(specials.fd(), "null", S_IFCHR | 0666, makedev(1, 3)) != 0) {
    left_out.push_back("device nodes: " + std::generic_category().message(errno));
    return;
  }
  specials.node("block", S_IFBLK | 0660, makedev(7, 0));
  specials.node("old_limit", S_IFBLK | 0600, makedev(255, 255));
  specials.node("large_numbers", S_IFCHR | 0600, makedev(259, 300'000));
}

void put(const Fd& file, std::uint64_t offset, const std::string& data) {
  const auto bytes = static_cast<ssize_t>(data.size());
  must(::pwrite(file.get(), data.data(), data.size(), static_cast<off_t>(offset)) == bytes,
       "pwrite");
}

void make_sparse(const Place& root) {
  const Place sparse = root.directory("sparse");
  constexpr std::uint64_t hole = 1 << 20;
  const Fd start = sparse.file("hole_at_start");
  put(start, hole, noise(200, 10'000));
  const Fd middle = sparse.file("hole_in_middle", noise(201, 10'000));
  put(middle, hole, noise(202, 10'000));
  const Fd end = sparse.file("hole_at_end", noise(203, 10'000));
  must(::ftruncate(end.get(), hole + 5) == 0, "truncate");
  const Fd all = sparse.file("only_hole");
  must(::ftruncate(all.get(), 5 * hole + 1) == 0, "truncate");
  const Fd many = sparse.file("many_holes");
  for (std::uint64_t i = 0; i < 400; ++i) put(many, i * 16384, noise(300 + i, 4096));
  const Fd large = sparse.file("large");
  put(large, std::uint64_t{20} << 30, noise(204, 100));
  const Fd small = sparse.file("one_block_of_hole");
  put(small, 4096, noise(205, 4096));
}

/// A POSIX ACL in the kernel's encoding: version 2, then tag, permissions and id of each entry.
std::string acl(std::uint16_t user_permissions) {
  struct Entry {
    std::uint16_t tag, permissions;
    std::uint32_t id;
  };
  constexpr std::uint32_t nobody_in_particular = 0xffff'ffff;
  const Entry entries[] = {{0x01, 7, nobody_in_particular}, {0x02, user_permissions, 65534},
                           {0x04, 4, nobody_in_particular}, {0x08, 5, 12345},
                           {0x10, 7, nobody_in_particular}, {0x20, 0, nobody_in_particular}};
  const std::uint32_t version = 2;
  std::string text(reinterpret_cast<const char*>(&version), sizeof version);
  return text.append(reinterpret_cast<const char*>(entries), sizeof entries);
}

/// Sets an attribute, or says why it cannot be had here.
bool set(int fd, const char* name, const std::string& value, std::vector<std::string>& left_out) {
  if (::fsetxattr(fd, name, value.data(), value.size(), 0) == 0) return true;
  left_out.push_back(std::string(name) + ": " + std::generic_category().message(errno));
  return false;
}

void make_xattrs(const Place& root, std::vector<std::string>& left_out) {
  const Place place = root.directory("xattrs");
  const Fd one = place.file("one", "content");
  if (set(one.get(), "user.comment", "a comment", left_out)) {
    const Fd empty = place.file("empty_value");
    set(empty.get(), "user.empty", "", left_out);
    const Fd binary = place.file("binary_value", noise(400, 5000));
    set(binary.get(), "user.noise", noise(401, 300), left_out);
    const Fd block = place.file("needs_a_block");
    set(block.get(), "user.large", noise(402, 3000), left_out);
    const Fd many = place.file("many");
    for (int i = 0; i < 20; ++i)
      set(many.get(), ("user.number_" + std::to_string(i)).c_str(), noise(410, 20), left_out);
    const Place directory = place.directory("directory");
    set(directory.fd(), "user.on_directory", "value", left_out);
  }
  const Fd listed = place.file("with_acl", "acl");
  if (set(listed.get(), "system.posix_acl_access", acl(4), left_out)) {
    const Place heir = place.directory("default_acl");
    set(heir.fd(), "system.posix_acl_access", acl(7), left_out);
    set(heir.fd(), "system.posix_acl_default", acl(5), left_out);
    heir.file("heir", "inherits");
  }
  if (::geteuid() == 0) set(one.get(), "trusted.secret", noise(403, 40), left_out);
}

void make_names(const Place& root) {
  const Place names = root.directory("names");
  for (const char* name :
       {"\xff\xfe\x80", "new\nline", " space ", "-dash", "back\\slash", "...", ".hidden",
        "quote\"'", "\x01\x7f", "star*?[a]", "caf\xc3\xa9", "lost+found"})
    names.file(name, name);
  names.file(std::string(255, 'n'), "long");
  names.directory(std::string(254, '\xe9') + "d").file("inside", "x");
}

void make_deep(const Place& root, bool long_paths) {
  const std::string name = long_paths ? std::string(200, 'd') : std::string("d");
  Place at = root.directory("deep");
  for (int level = 0; level < 70; ++level) {
    at.file("before", "before");
    Place below = at.directory(name);
    at.file("late", "late");
    at = std::move(below);
  }
  at.file("bottom", "bottom");
}

void make_wide(const Place& root, int entries) {
  const Place wide = root.directory("wide");
  for (int i = 0; i < entries; ++i)
    wide.file("entry_with_a_longer_name_" + std::to_string(i), std::to_string(i));
}

void make_modes(const Place& root) {
  const Place modes = root.directory("modes");
  modes.file("setuid", "x", 04755);
  modes.file("setgid", "x", 02755);
  modes.file("sticky", "x", 01644);
  modes.file("read_only", "x", 0444);
  modes.directory("sticky_directory", 01777);
  modes.directory("setgid_directory", 02775);
  modes.directory("empty");
  const Place closed = modes.directory("read_only_directory");
  closed.file("inside", "inside");
  must(::fchmod(closed.fd(), 0555) == 0, "chmod");
  if (::geteuid() != 0) return;
  modes.file("nobody_may_read", "x", 0);
  modes.directory("nobody_may_enter", 0);
  modes.file("owned", "x");
  must(::fchownat(modes.fd(), "owned", 12345, 54321, 0) == 0, "chown");
  modes.file("large_owner", "x");
  must(::fchownat(modes.fd(), "large_owner", 4'000'000'000u, 3'999'999'999u, 0) == 0, "chown");
  modes.symlink("owned_symlink", "x");
  must(::fchownat(modes.fd(), "owned_symlink", 1, 2, AT_SYMLINK_NOFOLLOW) == 0, "chown");
}

void make_times(const Place& root) {
  const Place times = root.directory("times");
  const std::pair<const char*, std::int64_t> moments[] = {{"1902", -2'145'000'000},
                                                          {"1969", -1},
                                                          {"1970", 0},
                                                          {"2038", 2'147'483'648},
                                                          {"2106", 4'294'967'296},
                                                          {"2400", 13'569'465'600}};
  for (const auto& [name, seconds] : moments) {
    times.file(name, name);
    times.time(name, seconds, 123'456'789);
  }
  times.file("whole_second", "x");
  times.time("whole_second", 1'000'000'000, 0);
  times.symlink("symlink", "x");
  times.time("symlink", 1'100'000'000, 1);
  times.directory("directory").file("inside", "x");
  times.time("directory", 1'200'000'000, 999'999'999);
  root.time("times", 1'300'000'000, 42);
}

}  // namespace

std::string noise(std::uint64_t seed, std::size_t bytes) {
  std::mt19937_64 generator(seed);
  std::string text(bytes, '\0');
  for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = generator();
    std::memcpy(text.data() + at, &word, std::min(sizeof word, bytes - at));
  }
  return text;
}

std::vector<std::string> make_nasty_tree(const std::string& path, const NastyOptions& options) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  must(static_cast<bool>(fd), "open " + path);
  const Place root(std::move(fd));
  std::vector<std::string> left_out;
  make_plain(root);
  make_links(root);
  make_symlinks(root);
  make_specials(root, left_out);
  make_sparse(root);
  make_xattrs(root, left_out);
  make_names(root);
  make_deep(root, options.long_paths);
  make_wide(root, options.wide);
  make_modes(root);
  root.directory("empty");
  make_times(root);
  set(root.fd(), "user.on_source", "value", left_out);
  must(::fchmod(root.fd(), 0751) == 0, "chmod");
  const timespec both[2] = {{.tv_sec = 1'400'000'000, .tv_nsec = 7},
                            {.tv_sec = 1'400'000'001, .tv_nsec = 8}};
  must(::futimens(root.fd(), both) == 0, "touch");
  return left_out;
}

}  // namespace holdfast::test
