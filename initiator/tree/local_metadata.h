#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "common/base/result.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

// What is read of a file of this machine besides its content, of a source or of a directory that was
// copied into. All of it blocks, and so runs on threads of its own, never on a loop.

FileTime time_of(const timespec& time);
Attributes attributes_of(const struct stat& status);

/// Whether `cp -a` keeps this attribute: user, trusted, security, and the POSIX ACLs of system.
/// Others describe the filesystem that they are on (NFSv4 ACLs, XFS's and CIFS's own).
bool is_kept_xattr(const std::string& name);

/// Reads extended attributes, of open files and of names that are never followed.
class XattrReader {
 public:
  /// What one file may carry in all. More is cut off, with an error that says so.
  static constexpr std::size_t bytes_max = 1 << 20;

  /// With `own_directory`, the thread has a working directory of its own (see below) and names are
  /// taken from there; without, they are taken from /proc/self/fd.
  explicit XattrReader(bool own_directory);

  Status read(int fd, std::map<std::string, std::string>& xattrs);
  /// What `path` leads to.
  Status read_path(const std::string& path, std::map<std::string, std::string>& xattrs);
  Status read_at(int directory, const char* name, std::map<std::string, std::string>& xattrs);

 private:
  template <typename List, typename Get>
  Status collect(std::map<std::string, std::string>& xattrs, List list, Get get);

  const bool own_directory_;
  std::vector<char> names_;
  std::vector<char> value_;
};

/// Gives the calling thread a working directory of its own, apart from the process's. There is no
/// llistxattrat before Linux 6.13, and this is how a name in an open directory can be asked without
/// a path. False where it is forbidden (some containers).
bool separate_working_directory();

/// Widens `ranges` to multiples of 4096, within `bytes`, and joins those that meet.
std::vector<DataRange> whole_pages(const std::vector<DataRange>& ranges, std::uint64_t bytes);

/// The parts of an open file that hold data, as SEEK_DATA and SEEK_HOLE tell. A filesystem without
/// them, and what lies past the `ranges_max`th hole, counts as data.
std::vector<DataRange> map_data(int fd, std::uint64_t bytes);
inline constexpr std::size_t ranges_max = 65536;

/// Whether `map_data` could find a hole, so that most small files need not be asked.
bool may_have_holes(const struct stat& status, bool has_xattrs);

}  // namespace holdfast::initiator
