#include <array>
#include <iterator>
#include <set>
#include <sys/sysmacros.h>

#include "tests/contract/tree/tree_contract.h"

namespace holdfast::initiator {
namespace {

class TreeNodes : public TreeContract {};

constexpr std::size_t target_lengths[] = {1, 58, 59, 60, 61, 255, 1000, 4095};

TEST_P(TreeNodes, SymlinksOfEveryLengthKeepTheirTargets) {
  struct Bodies {
    static std::string target(std::size_t length) {
      std::string made(length, 'x');
      for (std::size_t i = 0; i < length; ++i) made[i] = static_cast<char>('a' + i % 26);
      return made;
    }
    static Task<void> fill(Tree& tree) {
      const Attributes attributes = attributes_of(S_IFLNK | 0777);
      for (const std::size_t length : target_lengths) {
        if (length > limits.symlink_bytes) continue;
        const std::string name = std::to_string(length);
        const std::string to = target(length);
        const Result<NodeId> made = co_await tree.make_symlink(tree.root(), name, to, attributes);
        EXPECT_TRUE(made) << length << ": " << made.error().message;
      }
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      EXPECT_EQ(entries.size(), std::count_if(std::begin(target_lengths), std::end(target_lengths),
                                              [](std::size_t length) { return length <= limits.symlink_bytes; }));
      for (const auto& [name, entry] : entries) {
        // In this order: a kernel's filesystem notes that a symlink was read.
        const Attributes attributes = co_await attributes_at(tree, entry.node);
        expect_same(tree, attributes, attributes_of(S_IFLNK | 0777), name);
        const Result<std::string> got = co_await tree.read_link(entry.node);
        EXPECT_TRUE(got) << got.error().message;
        EXPECT_EQ(*got, target(std::stoul(name)));
      }
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

struct Special {
  const char* name;
  std::uint32_t mode;
  std::uint64_t device;
  bool large = false;
};
const Special specials[] = {
    {"fifo", S_IFIFO | 0600, 0},
    {"socket", S_IFSOCK | 0755, 0},
    {"null", S_IFCHR | 0666, makedev(1, 3)},
    {"whiteout", S_IFCHR, makedev(0, 0)},
    {"disk", S_IFBLK | 0660, makedev(8, 16)},
    {"high minor", S_IFBLK | 0660, makedev(259, 1'048'575), true},
    {"high major", S_IFCHR | 0600, makedev(4095, 255), true},
    {"minor 256", S_IFCHR | 0600, makedev(1, 256)},
};

TEST_P(TreeNodes, SpecialNodesKeepTheirDevices) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      for (const Special& special : specials) {
        if (special.large && !limits.large_devices) continue;
        Attributes attributes = attributes_of(special.mode);
        attributes.device = special.device;
        const std::string name = special.name;
        const Result<NodeId> made = co_await tree.make_special(tree.root(), name, attributes);
        EXPECT_TRUE(made) << name << ": " << made.error().message;
      }
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      for (const Special& special : specials) {
        if (special.large && !limits.large_devices) continue;
        const DirectoryEntry entry = entries.at(special.name);
        EXPECT_EQ(entry.mode, special.mode & S_IFMT) << special.name;
        Attributes expected = attributes_of(special.mode);
        expected.device = special.device;
        const Attributes got = co_await attributes_at(tree, entry.node);
        expect_same(tree, got, expected, special.name);
      }
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

TEST_P(TreeNodes, HardLinksAreOneNode) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      const NodeId directory = co_await put_directory(tree, tree.root(), "d");
      const NodeId node = co_await put_small_file(tree, tree.root(), "a", "shared");
      const std::string second = "b";
      const Status near = co_await tree.link(node, tree.root(), second);
      EXPECT_TRUE(near) << near.error().message;
      const Status far = co_await tree.link(node, directory, second);
      EXPECT_TRUE(far) << far.error().message;
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      const Entries below = co_await entries_of(tree, entries.at("d").node);
      EXPECT_EQ(entries.at("a").node, entries.at("b").node);
      EXPECT_EQ(entries.at("a").node, below.at("b").node);
      const Attributes attributes = co_await attributes_at(tree, entries.at("a").node);
      EXPECT_EQ(attributes.links, 3U);
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

/// In the kernel's encoding: version 2, then tag, permissions and id of each entry.
std::string acl(std::vector<std::array<std::uint32_t, 3>> entries) {
  std::string made("\x02\0\0\0", 4);
  const auto put = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) made.push_back(static_cast<char>(value >> (8 * i)));
  };
  for (const auto& [tag, permissions, id] : entries) {
    put(tag, 2);
    put(permissions, 2);
    put(id, 4);
  }
  return made;
}

constexpr std::uint32_t no_id = 0xFFFF'FFFF;

std::map<std::string, std::map<std::string, std::string>> xattr_cases() {
  const std::string access = acl({{1, 6, no_id},
                                  {2, 7, 4'000'000'000},
                                  {4, 4, no_id},
                                  {8, 5, 12},
                                  {16, 7, no_id},
                                  {32, 4, no_id}});
  const std::string inherited = acl({{1, 7, no_id}, {4, 5, no_id}, {32, 0, no_id}});
  std::map<std::string, std::map<std::string, std::string>> cases;
  cases["one"] = {{"user.one", "value"}};
  cases["empty"] = {{"user.empty", ""}};
  cases["binary"] = {{"user.binary", std::string("\0\xFF\0\x01", 4)}};
  cases["namespaces"] = {{"user.a", "1"}, {"trusted.b", "2"}, {"security.c", "3"}};
  cases["large"] = {{"user.large", std::string(3500, 'v')}};
  cases["mixed"] = {
      {"user.small", "s"}, {"user.large", std::string(2000, 'w')}, {"trusted.t", "t"}};
  for (int i = 0; i < 60; ++i)
    cases["many"]["user.name" + std::to_string(i)] = std::to_string(i * i);
  cases["long name"] = {{"user." + std::string(250, 'n'), "x"}};
  cases["acl"] = {{"system.posix_acl_access", access}};
  cases["both acls"] = {{"system.posix_acl_access", access},
                        {"system.posix_acl_default", inherited}};
  cases["capability"] = {
      {"security.capability", std::string("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)}};
  return cases;
}

TEST_P(TreeNodes, ExtendedAttributesAndAclsComeBack) {
  struct Bodies {
    /// Without what the tree says that it cannot carry.
    static std::map<std::string, std::map<std::string, std::string>> cases_for(const Tree& tree) {
      const bool no_acls = lacks(tree, Shortcoming::Of::acls);
      const bool no_others = lacks(tree, Shortcoming::Of::xattrs);
      auto cases = xattr_cases();
      for (auto& [name, xattrs] : cases)
        std::erase_if(xattrs, [&](const auto& xattr) {
          return xattr.first.starts_with("system.posix_acl_") ? no_acls : no_others;
        });
      return cases;
    }
    static Task<void> fill(Tree& tree) {
      const auto cases = cases_for(tree);
      for (const auto& [name, xattrs] : cases) {
        Attributes attributes = attributes_of(S_IFDIR | 0755);
        attributes.xattrs = xattrs;
        const Result<NodeId> made = co_await tree.make_directory(tree.root(), name, attributes);
        EXPECT_TRUE(made) << name << ": " << made.error().message;
        if (xattrs.contains("system.posix_acl_default")) continue;
        attributes.mode = S_IFREG | 0644;
        const std::string of_file = name + " of a file";
        const Bytes content;
        co_await put_file(tree, tree.root(), of_file, attributes, content);
      }
      const NodeId later = co_await put_directory(tree, tree.root(), "later");
      Attributes first = attributes_of(S_IFDIR | 0700);
      first.xattrs = cases.at("mixed");
      const Status set = co_await tree.set_attributes(later, first);
      EXPECT_TRUE(set) << set.error().message;
      first.xattrs = cases.at("one");
      const Status again = co_await tree.set_attributes(later, first);
      EXPECT_TRUE(again) << again.error().message;
    }
    static Task<void> read(Tree& tree) {
      const auto cases = cases_for(tree);
      const Entries entries = co_await entries_of(tree, tree.root());
      for (const auto& [name, xattrs] : cases) {
        const Attributes got = co_await attributes_at(tree, entries.at(name).node);
        EXPECT_EQ(got.xattrs, xattrs) << name;
        if (xattrs.contains("system.posix_acl_default")) continue;
        const Attributes file = co_await attributes_at(tree, entries.at(name + " of a file").node);
        EXPECT_EQ(file.xattrs, xattrs) << name << " of a file";
      }
      const Attributes later = co_await attributes_at(tree, entries.at("later").node);
      EXPECT_EQ(later.xattrs, cases.at("one"));
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

TEST_P(TreeNodes, WhatCannotBeHeldIsRefusedAndLeavesNothing) {
  struct Bodies {
    static Task<void> refuse(Tree& tree, const std::string& name, const std::string& xattr,
                             std::size_t bytes, ErrorKind kind) {
      Attributes attributes = attributes_of(S_IFREG | 0644);
      if (!xattr.empty()) attributes.xattrs[xattr] = std::string(bytes, 'x');
      const std::span<const DataRange> nothing;
      const Result<NodeId> file =
          co_await tree.create_file(tree.root(), name, attributes, nothing, 1);
      EXPECT_FALSE(file) << xattr;
      if (file) co_return;
      EXPECT_EQ(file.error().kind, kind) << file.error().message;
      attributes.mode = S_IFDIR | 0755;
      const Result<NodeId> directory = co_await tree.make_directory(tree.root(), name, attributes);
      EXPECT_FALSE(directory) << xattr;
    }
    static Task<void> fill(Tree& tree) {
      const std::uint64_t free = tree.free_bytes();
      const std::string name = "refused";
      const std::string long_name(256, 'n');
      const std::string none;
      const std::string foreign = "btrfs.compression";
      const std::string user = "user.huge";
      co_await refuse(tree, long_name, none, 0, ErrorKind::refused);
      if (!lacks(tree, Shortcoming::Of::xattrs)) {
        co_await refuse(tree, name, foreign, 4, ErrorKind::refused);
        if (limits.xattr_bytes <= 60'000) co_await refuse(tree, name, user, 60'000, ErrorKind::out_of_space);
      }
      Attributes attributes = attributes_of(S_IFREG | 0644);
      attributes.bytes = 1 * TiB;
      const DataRange whole{0, 1 * TiB};
      const Result<NodeId> large =
          co_await tree.create_file(tree.root(), name, attributes, std::span(&whole, 1), 1);
      EXPECT_FALSE(large);
      if (large) co_return;
      EXPECT_EQ(large.error().kind, ErrorKind::out_of_space) << large.error().message;
      EXPECT_EQ(tree.free_bytes(), free);
      co_await put_small_file(tree, tree.root(), "accepted", "after all that");
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      EXPECT_EQ(entries.size(), 1U);
      EXPECT_TRUE(entries.contains("accepted"));
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

const FileTime times[] = {
    {0, 0},
    {-1, 999'999'999},
    {-2'147'483'648, 1},
    {2'147'483'647, 999'999'999},
    {2'147'483'648, 5},
    {4'294'967'295, 7},
    {4'294'967'296, 8},
    {10'000'000'000, 9},
    {15'032'385'535, 999'999'999},
};

TEST_P(TreeNodes, TimesFrom1901To2446AreKeptToTheNanosecond) {
  struct Bodies {
    /// The time, or one that the medium can hold.
    static FileTime kept(FileTime time) {
      time.seconds = std::clamp(time.seconds, limits.earliest + 1, limits.latest - 1);
      return time;
    }
    static Task<void> fill(Tree& tree) {
      for (std::size_t i = 0; i < std::size(times); ++i) {
        Attributes attributes = attributes_of(S_IFREG | 0644);
        attributes.modified = kept(times[i]);
        attributes.accessed = kept(times[std::size(times) - 1 - i]);
        attributes.uid = 4'000'000'000 + static_cast<std::uint32_t>(i);
        attributes.gid = 65'536 + static_cast<std::uint32_t>(i);
        const std::string name = std::to_string(i);
        const Bytes content;
        co_await put_file(tree, tree.root(), name, attributes, content);
      }
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      for (std::size_t i = 0; i < std::size(times); ++i) {
        const Attributes got = co_await attributes_at(tree, entries.at(std::to_string(i)).node);
        const std::string number = std::to_string(i);
        expect_same_time(tree, got.modified, kept(times[i]), number);
        expect_same_time(tree, got.accessed, kept(times[std::size(times) - 1 - i]), number);
        EXPECT_EQ(got.uid, 4'000'000'000 + i);
        EXPECT_EQ(got.gid, 65'536 + i);
      }
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

TEST_P(TreeNodes, NamesMayBeAnyBytes) {
  struct Bodies {
    static std::set<std::string> names() {
      std::set<std::string> all;
      for (int byte = 1; byte < 256; ++byte)
        if (byte != '/' && byte != '.') all.insert(std::string(1, static_cast<char>(byte)));
      for (std::size_t length = 2; length <= 255; ++length)
        all.insert(std::string(length, static_cast<char>(128 + length % 100)));
      all.insert("...");
      all.insert("line\nbreak");
      all.insert("\xF0\x9F\x98\x80");
      return all;
    }
    static Task<void> fill(Tree& tree) {
      const std::set<std::string> all = names();
      for (const std::string& name : all) co_await put_small_file(tree, tree.root(), name, name);
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      const std::set<std::string> all = names();
      EXPECT_EQ(entries.size(), all.size());
      for (const std::string& name : all) EXPECT_EQ(entries.count(name), 1U) << name;
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

TEST_P(TreeNodes, ADirectoryHoldsTensOfThousandsOfNames) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      const NodeId directory = co_await put_directory(tree, tree.root(), "wide");
      const NodeId other = co_await put_directory(tree, tree.root(), "other");
      const NodeId node = co_await put_small_file(tree, tree.root(), "file", "text");
      const Attributes attributes = attributes_of(S_IFIFO | 0600);
      for (int i = 0; i < limits.wide; ++i) {
        const std::string name = "entry number " + std::to_string(i);
        const Result<NodeId> made = co_await tree.make_special(directory, name, attributes);
        EXPECT_TRUE(made) << name << ": " << made.error().message;
        if (!made) co_return;
        if (i % 10 != 0) continue;
        const Status linked = co_await tree.link(node, other, name);
        EXPECT_TRUE(linked) << linked.error().message;
      }
    }
    static Task<void> read(Tree& tree) {
      const Entries root = co_await entries_of(tree, tree.root());
      const Entries entries = co_await entries_of(tree, root.at("wide").node);
      EXPECT_EQ(entries.size(), static_cast<std::size_t>(limits.wide));
      const Entries other = co_await entries_of(tree, root.at("other").node);
      EXPECT_EQ(other.size(), static_cast<std::size_t>(limits.wide / 10));
      const Attributes attributes = co_await attributes_at(tree, root.at("file").node);
      EXPECT_EQ(attributes.links, 1U + static_cast<unsigned>(limits.wide) / 10);
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

INSTANTIATE_TEST_SUITE_P(Trees, TreeNodes, every_tree(), name_of);

}  // namespace
}  // namespace holdfast::initiator
