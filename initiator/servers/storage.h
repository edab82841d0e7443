#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/runtime/fd.h"

namespace holdfast::initiator {

/// A folder on one filesystem, for what servers serve and need. It is removed when we end and every
/// `Keeper` that holds it has, by a process of its own, so that it goes also when we are killed.
class Storage {
 public:
  /// Makes it in `parent`.
  static Result<Storage> make(const std::string& parent);
  Storage(Storage&&) = default;
  Storage& operator=(Storage&&) = delete;
  ~Storage();

  const std::string& folder() const { return folder_; }
  /// What it lies on: "ext4 on /dev/vda".
  std::string filesystem() const;
  std::uint64_t free_bytes() const;
  /// Whether a server may open files by handle there, as the user that we are.
  Status opens_by_handle() const;
  /// To be passed to `Keeper::start`: the folder stays while anybody holds it.
  int held() const { return held_.get(); }

  /// A folder within, for its owner alone.
  Result<std::string> make_folder(const std::string& name) const;

 private:
  Storage(std::string folder, pid_t remover, Fd held)
      : folder_(std::move(folder)), remover_(remover), held_(std::move(held)) {}

  std::string folder_;
  pid_t remover_;
  Fd held_;  // empty when it was moved from
};

/// Makes the file at `path` a sparse one of `bytes` that reads as zeros, whoever has it open. What
/// it held before is gone, from the medium too.
Status renew_image(const std::string& path, std::uint64_t bytes);
/// Whether `bytes` more fit where the folder is, with inodes to spare.
bool has_room_for(const std::string& folder, std::uint64_t bytes);
/// Removes all that is in the folder.
Status empty_folder(const std::string& path);

}  // namespace holdfast::initiator
