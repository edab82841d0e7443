#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::test {

struct NastyOptions {
  /// Directories nested deeper than PATH_MAX, which not every tool can follow.
  bool long_paths = true;
  /// Entries of one directory.
  int wide = 3000;
};

/// Fills the existing directory `path` with everything that a copy likes to lose: hard links,
/// symlinks to nowhere, fifos, sockets and devices, holes, extended attributes, ACLs, names of any
/// bytes, times before 1970 and after 2038, odd modes and owners, deep and wide directories. The
/// same bytes every time. What cannot be made here (no root, a filesystem without xattrs) is left
/// out and named in the answer. Throws std::runtime_error when the rest cannot be made.
std::vector<std::string> make_nasty_tree(const std::string& path, const NastyOptions& options = {});

/// `bytes` of noise that depends on `seed` alone.
std::string noise(std::uint64_t seed, std::size_t bytes);

}  // namespace holdfast::test
