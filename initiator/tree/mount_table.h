#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::initiator {

/// One line of /proc/self/mountinfo.
struct MountEntry {
  std::string type;     // "nfs4", "fuse.sshfs"
  std::string source;   // what is mounted: "server:/export", "/dev/sdb1"
  std::string options;  // the filesystem's own
};

/// The mount of this number in the text of /proc/self/mountinfo.
std::optional<MountEntry> find_mount(std::string_view mountinfo, int mount_id);
/// The mount that an open file is on, by /proc, which asks no filesystem.
std::optional<MountEntry> mount_of(int fd);
/// The path of an open file, without symlinks, in the same way.
std::optional<std::string> path_of_open_file(int fd);

}  // namespace holdfast::initiator
