#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/tree/directory_probe.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// A mounted directory: kernel NFS, a cluster filesystem, FUSE, a local disk.
///
/// A mount may stick, and then a thread that calls it is lost until it lets go. So the loop's thread
/// never calls it: whatever names a path or a descriptor there, closing included, is done by threads
/// of a crew, and every call can be given up at once. Nodes are named relative to their directories'
/// descriptors and nothing is followed. A small file costs as few system calls as it can: openat,
/// write, fchown, fchmod, utimensat, close, in three visits of a thread.
class DirectoryTree final : public Tree {
 public:
  /// The directory at `path`, which is empty, for a new tree. Where it does not answer within
  /// `deadline` the error's kind is `timed_out`, and the kernel still holds what it was asked with.
  /// Meanwhile `stuck_in`, if given, tells what the tree will tell by `Tree::stuck_in`.
  static Task<Result<std::unique_ptr<Tree>>> make(Loop& loop, std::string path, Duration deadline,
                                                  StuckIn* stuck_in = nullptr);
  /// The same, to read what is there.
  static Task<Result<std::unique_ptr<Tree>>> open(Loop& loop, std::string path, Duration deadline,
                                                  StuckIn* stuck_in = nullptr);
  ~DirectoryTree() override;

  NodeId root() const override { return root_node; }
  std::string transport() const override { return "dir"; }
  std::map<std::string, std::string> negotiated() const override { return found_.negotiated; }
  std::string last_error() const override { return last_error_; }
  bool lost() const override { return lost_; }
  std::string stuck_in() const override;
  WireUse wire() const override;
  std::vector<Shortcoming> shortcomings() const override { return found_.shortcomings; }
  std::uint32_t concurrency() const override { return calls_at_once; }
  std::uint64_t free_bytes() const override { return found_.free_bytes; }

  Task<Result<NodeId>> make_directory(NodeId parent, const std::string& name, const Attributes& attributes) override;
  Task<Result<NodeId>> create_file(NodeId parent, const std::string& name, const Attributes& attributes,
                                   std::span<const DataRange> ranges, std::uint32_t file) override;
  Task<Status> write(NodeId file, std::uint64_t offset, std::span<const std::byte> data) override;
  Task<Status> finish_file(NodeId file) override;
  void forget(NodeId node) override;
  Task<Status> link(NodeId node, NodeId parent, const std::string& name) override;
  Task<Result<NodeId>> make_symlink(NodeId parent, const std::string& name, const std::string& target,
                                    const Attributes& attributes) override;
  Task<Result<NodeId>> make_special(NodeId parent, const std::string& name, const Attributes& attributes) override;
  Task<Status> set_attributes(NodeId node, const Attributes& attributes) override;
  Task<Status> sync() override;

  Task<Result<std::vector<DirectoryEntry>>> read_directory(NodeId directory) override;
  Task<Result<Attributes>> read_attributes(NodeId node) override;
  Task<Result<std::string>> read_link(NodeId node) override;
  Task<Result<std::size_t>> read(NodeId node, std::uint64_t offset, std::span<std::byte> data,
                                 std::uint32_t file) override;
  Task<Result<std::vector<DataRange>>> read_data_ranges(NodeId node) override;

  Task<Status> lock(NodeId node, std::uint64_t offset, std::uint64_t bytes, bool exclusive) override;
  Task<Status> unlock(NodeId node, std::uint64_t offset, std::uint64_t bytes) override;

  void abandon() override;
  bool drained() const override;
  Task<Status> close() override;

 private:
  static constexpr std::uint32_t calls_at_once = 32;
  static constexpr std::uint32_t locks_at_once = 64;
  static constexpr std::size_t open_places_max = 128;
  /// Nodes that we make are numbered from here; those that are read have their inode numbers.
  static constexpr NodeId root_node{std::uint64_t{1} << 63};

  struct Parts;
  struct Writing;
  struct Locking;
  struct Node {
    Place place;
    std::shared_ptr<Writing> writing;  // of a file from `create_file` to `finish_file`
    std::shared_ptr<Locking> locking;  // of a file while it is locked, or is being
    std::uint32_t locks = 0;
  };

  DirectoryTree(Loop& loop, std::unique_ptr<Parts> parts);

  static Task<Result<std::unique_ptr<Tree>>> start(Loop& loop, std::string path, bool for_writing,
                                                   Duration deadline, StuckIn* stuck_in);
  /// Has `work` done by the crew and waits for it.
  template <typename Work>
  Task<typename std::invoke_result_t<Work&, CallSite&>> perform(Work work);
  void note(const Error& error);
  const Place& place_of(NodeId node) const;
  Place place_in(NodeId parent, const std::string& name, std::uint32_t type) const;
  Attributes kept(const Attributes& attributes) const;
  NodeId add(Place place);
  Task<Status> finish_unfinished();

  Loop& loop_;
  std::unique_ptr<Parts> parts_;  // what threads use: stays for ever if one is stuck
  OpenedDirectory found_;
  bool writes_ = false;
  std::uint64_t next_node_ = static_cast<std::uint64_t>(root_node);
  std::unordered_map<NodeId, Node> nodes_;
  Status failure_;  // for good
  bool lost_ = false;
  bool closed_ = false;
  std::string last_error_;
};

}  // namespace holdfast::initiator
