#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "initiator/tree/directory_calls.h"
#include "initiator/tree/directory_node.h"
#include "initiator/tree/directory_place.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// A mounted directory as it was found.
struct OpenedDirectory {
  SharedFd fd;
  DirectoryAbilities abilities;
  std::vector<Shortcoming> shortcomings;
  std::map<std::string, std::string> negotiated;
  std::uint64_t free_bytes = 0;
  /// What readdir says of a file's number is its number.
  bool numbers_in_entries = true;
  /// syncfs does not reach the medium there (a FUSE server is not told of it): files are synced one by
  /// one.
  bool sync_each_file = false;
  /// New nodes in it are given an ACL.
  bool gives_acl = false;
};

/// Opens the directory at `path`, which for writing is empty but for an ext filesystem's own
/// lost+found, and tries in a folder of a moment what it can carry. Blocks. Errors are one line for
/// the user, kind `invalid_input` where it is theirs to put right.
Result<OpenedDirectory> open_directory(const std::string& path, bool for_writing, CallSite& site);

/// The name that mke2fs gives to a directory of its own at the top.
inline constexpr const char* lost_and_found = "lost+found";

}  // namespace holdfast::initiator
