#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// What a tree's medium can hold, where that is not as much as the tests would like to see.
struct TreeLimits {
  std::size_t symlink_bytes = 4095;
  /// Some value of an extended attribute of less than this is refused for its size.
  std::size_t xattr_bytes = 60'000;
  /// The names of a wide directory and the pieces of a file full of holes: fewer where each is a call
  /// to a server.
  int wide = 20'000;
  int many_ranges = 6000;
  /// Device numbers of 12 and 20 bits.
  bool large_devices = true;
  /// Times at these and beyond are moved, or cut to a second.
  std::int64_t earliest = std::numeric_limits<std::int64_t>::min();
  std::int64_t latest = std::numeric_limits<std::int64_t>::max();
};

/// One implementation under the contract's tests, with what it stands on. It lives as long as its
/// test; of its trees one is open at a time.
class TreeSubject {
 public:
  virtual ~TreeSubject() = default;
  /// Makes ready what the tree needs; a text says why it cannot run here.
  virtual std::string prepare(Loop& loop) = 0;
  virtual TreeLimits limits() const { return {}; }
  /// An empty tree.
  virtual Task<Result<std::unique_ptr<Tree>>> make() = 0;
  /// The tree that was made, in a new session.
  virtual Task<Result<std::unique_ptr<Tree>>> reopen() = 0;
  /// What a judge who is not ours finds wrong with the tree, now that it is closed; empty if
  /// nothing.
  virtual std::string judge() = 0;
};

struct TreeSubjectCase {
  const char* name;
  std::unique_ptr<TreeSubject> (*make)();
};

std::unique_ptr<TreeSubject> make_ext4_in_memory();
std::unique_ptr<TreeSubject> make_ext4_in_a_narrow_place();
std::unique_ptr<TreeSubject> make_ext4_on_an_image();
std::unique_ptr<TreeSubject> make_directory_on_disk();
std::unique_ptr<TreeSubject> make_directory_on_tmpfs();
std::unique_ptr<TreeSubject> make_directory_on_ext4();
std::unique_ptr<TreeSubject> make_directory_on_xfs();
std::unique_ptr<TreeSubject> make_nfs4_on_ganesha();
std::unique_ptr<TreeSubject> make_nfs3_on_ganesha();
std::unique_ptr<TreeSubject> make_directory_on_fuse();

}  // namespace holdfast::initiator
