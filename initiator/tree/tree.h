#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/task.h"
#include "initiator/device/path_witness.h"
#include "initiator/device/wire_use.h"

namespace holdfast::initiator {

/// A node of a tree, as the tree numbers it (an inode number, a file handle's index).
enum class NodeId : std::uint64_t {};

struct FileTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  bool operator==(const FileTime&) const = default;
};

/// What `cp -a` keeps of a node besides its name and content.
struct Attributes {
  std::uint32_t mode = 0;  // S_IFMT and permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  FileTime accessed;
  FileTime modified;
  std::uint64_t device = 0;  // makedev() of a device node
  std::uint64_t bytes = 0;   // of a regular file
  std::uint64_t links = 1;   // read back only
  /// Extended attributes by full name, ACLs among them as system.posix_acl_access and …_default in
  /// the kernel's own encoding.
  std::map<std::string, std::string> xattrs;
};

/// A run of bytes of a file that hold data; what lies between is a hole.
struct DataRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  bool operator==(const DataRange&) const = default;
};

struct DirectoryEntry {
  std::string name;  // any bytes but '/' and NUL
  NodeId node{};
  std::uint32_t mode = 0;  // the S_IFMT bits
};

/// Something that `cp -a` keeps and a tree cannot carry: it is neither written nor missed when what
/// was written is verified, but said in the report.
struct Shortcoming {
  /// `distant_times` are those before 1970 or after 2106.
  enum class Of {
    xattrs, acls, holes, owners, nanoseconds, access_times, symlink_times, distant_times, specials
  };
  Of of{};
  std::string reason;  // "NFS version 3 has no extended attributes"
};

/// Says what `PathWitness::stuck_in` says, or is empty.
using StuckIn = std::function<std::string()>;

/// The file waist: what every filesystem and file protocol looks like to the workloads and
/// to the watch. Calls are coroutines of one loop and may overlap as far as `concurrency` says; what
/// is passed by reference outlives the call. A tree may leave a call unanswered for as long as its
/// peer does: deadlines are the watch's, and `abandon` ends them. An error names the verb and the reason; the caller knows the path. A write
/// that the transport failed is for good: every later call fails with its error.
class Tree : public PathWitness {
 public:
  Tree() = default;
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  /// `close` has finished by then, with or without an error.
  virtual ~Tree() = default;

  virtual NodeId root() const = 0;
  /// "ext4", "nfs", "dir".
  virtual std::string transport() const = 0;
  /// What was agreed with the peer or found at the place, for the record.
  virtual std::map<std::string, std::string> negotiated() const { return {}; }
  /// What the peer said when it last refused or broke off, in words; empty if nothing.
  virtual std::string last_error() const { return {}; }
  /// The connection to the peer is gone: every call fails from now on.
  virtual bool lost() const { return false; }
  /// What went over the wire so far; nothing where a device below counts it.
  virtual WireUse wire() const { return {}; }
  virtual std::vector<Shortcoming> shortcomings() const { return {}; }
  /// How many calls may usefully be under way at once.
  virtual std::uint32_t concurrency() const = 0;
  /// Bytes free for a new tree's data and metadata.
  virtual std::uint64_t free_bytes() const = 0;

  // Writing. Names are single components, new in their directory. Attributes are those that the
  // finished node shall have; a directory's times are kept right by `set_attributes` when it is
  // complete. An attribute that the tree cannot hold is an error and the node is not made: kind
  // `refused` for an xattr of an unknown namespace, `out_of_space` for xattrs too large.
  virtual Task<Result<NodeId>> make_directory(NodeId parent, const std::string& name,
                                              const Attributes& attributes) = 0;
  /// Makes a regular file of `attributes.bytes` whose data will lie in `ranges`, ascending and
  /// disjoint, so that space can be laid out at once; `file` is its number for the watch. Every
  /// byte of `ranges` is written before `finish_file`.
  virtual Task<Result<NodeId>> create_file(NodeId parent, const std::string& name,
                                           const Attributes& attributes,
                                           std::span<const DataRange> ranges,
                                           std::uint32_t file) = 0;
  /// Takes `data` for `offset`. Returns when the memory may be used again; back-pressure is in the
  /// wait. Writes come in ascending order and start at a multiple of 4096; so
  /// many as `concurrency` says may overlap.
  virtual Task<Status> write(NodeId file, std::uint64_t offset,
                             std::span<const std::byte> data) = 0;
  /// Ends the writing of `file`. What was not written of its ranges reads as zeros.
  virtual Task<Status> finish_file(NodeId file) = 0;
  /// The caller will not name `node` again: what is remembered of it may be let go. Trees that number
  /// nodes by themselves would grow without bound otherwise.
  virtual void forget(NodeId node) { static_cast<void>(node); }
  virtual Task<Status> link(NodeId node, NodeId parent, const std::string& name) = 0;
  virtual Task<Result<NodeId>> make_symlink(NodeId parent, const std::string& name,
                                            const std::string& target,
                                            const Attributes& attributes) = 0;
  /// A fifo, socket, or character or block device, by the bits of `attributes.mode`.
  virtual Task<Result<NodeId>> make_special(NodeId parent, const std::string& name,
                                            const Attributes& attributes) = 0;
  /// Gives `node` these permissions, owner, times and xattrs; type, device and bytes are not looked
  /// at.
  virtual Task<Status> set_attributes(NodeId node, const Attributes& attributes) = 0;
  /// Everything written before is on the medium after.
  virtual Task<Status> sync() = 0;

  // Reading back. `read_directory` leaves "." and ".." out.
  virtual Task<Result<std::vector<DirectoryEntry>>> read_directory(NodeId directory) = 0;
  virtual Task<Result<Attributes>> read_attributes(NodeId node) = 0;
  virtual Task<Result<std::string>> read_link(NodeId node) = 0;
  /// Fills `data` from `offset`, a multiple of 4096, holes as zeros; returns the bytes read, fewer
  /// only at the end. `file` is the node's number for the watch.
  virtual Task<Result<std::size_t>> read(NodeId node, std::uint64_t offset,
                                         std::span<std::byte> data, std::uint32_t file) = 0;
  /// Ascending and disjoint, in whole blocks of the filesystem but cut at the file's end.
  virtual Task<Result<std::vector<DataRange>>> read_data_ranges(NodeId node) = 0;

  /// Takes a lock on a byte range of a finished file, in the name of this session, and waits for it as
  /// long as it takes. Refused with EOPNOTSUPP where a tree has none.
  virtual Task<Status> lock(NodeId node, std::uint64_t offset, std::uint64_t bytes, bool exclusive);
  /// Releases exactly such a range.
  virtual Task<Status> unlock(NodeId node, std::uint64_t offset, std::uint64_t bytes);

  /// Gives every call under way up: each ends with kind `cancelled`, at once, whatever the peer does.
  virtual void abandon() {}
  /// After `abandon` and `close`: whether the callers' memory is free. If it is not, the kernel may
  /// use it at any time, and the process has to end without freeing it.
  virtual bool drained() const { return true; }
  /// Puts the tree away in order: synced, and marked clean where it has such a mark.
  virtual Task<Status> close() = 0;
};

}  // namespace holdfast::initiator
