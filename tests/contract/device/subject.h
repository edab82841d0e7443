#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/device.h"

namespace holdfast::initiator {

/// One implementation under the contract's tests, with what serves it. It lives as long as its test.
class Subject {
 public:
  virtual ~Subject() = default;
  /// Makes ready what the device needs; a text says why it cannot run here.
  virtual std::string prepare(std::uint64_t bytes) = 0;
  /// A new session with the same medium.
  virtual Task<Result<std::unique_ptr<Device>>> open(Loop& loop) = 0;
};

struct SubjectCase {
  const char* name;
  std::unique_ptr<Subject> (*make)();
};

std::unique_ptr<Subject> make_image_subject();
std::unique_ptr<Subject> make_block_device_subject();
/// Each engine with each target.
const std::vector<SubjectCase>& iscsi_subjects();
/// NBD servers that are not ours, each with something of its own in what it offers.
const std::vector<SubjectCase>& nbd_subjects();

}  // namespace holdfast::initiator
