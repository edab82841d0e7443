#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// One implementation under the contract's tests, with what it stands on. It lives as long as its
/// test; of its trees one is open at a time.
class TreeSubject {
 public:
  virtual ~TreeSubject() = default;
  /// Makes ready what the tree needs; a text says why it cannot run here.
  virtual std::string prepare(Loop& loop) = 0;
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

}  // namespace holdfast::initiator
