#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "initiator/tree/tree.h"
#include "initiator/watch/watch_timer.h"

namespace holdfast::initiator {

/// A layer over any tree that tells the watch when each call began and ended and which file it was
/// about, so that file protocols are judged by the same clock as block devices.
class WatchedTree final : public Tree {
 public:
  /// `timer` outlives it, and its watch has `on_files` set. At most `Watch::slots` calls overlap.
  WatchedTree(std::unique_ptr<Tree> tree, WatchTimer& timer);
  ~WatchedTree() override;

  NodeId root() const override { return tree_->root(); }
  std::string transport() const override { return tree_->transport(); }
  std::map<std::string, std::string> negotiated() const override { return tree_->negotiated(); }
  std::string last_error() const override { return tree_->last_error(); }
  bool lost() const override { return tree_->lost(); }
  std::string stuck_in() const override { return tree_->stuck_in(); }
  WireUse wire() const override { return tree_->wire(); }
  std::size_t examine(std::span<ConnectionEvidence> into) const override { return tree_->examine(into); }
  bool ping() override { return tree_->ping(); }
  std::optional<PeerDoor> door() const override { return tree_->door(); }
  std::vector<Shortcoming> shortcomings() const override { return tree_->shortcomings(); }
  std::uint32_t concurrency() const override { return tree_->concurrency(); }
  std::uint64_t free_bytes() const override { return tree_->free_bytes(); }

  Task<Result<NodeId>> make_directory(NodeId parent, const std::string& name,
                                      const Attributes& attributes) override;
  Task<Result<NodeId>> create_file(NodeId parent, const std::string& name, const Attributes& attributes,
                                   std::span<const DataRange> ranges, std::uint32_t file) override;
  Task<Status> write(NodeId file, std::uint64_t offset, std::span<const std::byte> data) override;
  Task<Status> finish_file(NodeId file) override;
  void forget(NodeId node) override;
  Task<Status> link(NodeId node, NodeId parent, const std::string& name) override;
  Task<Result<NodeId>> make_symlink(NodeId parent, const std::string& name, const std::string& target,
                                    const Attributes& attributes) override;
  Task<Result<NodeId>> make_special(NodeId parent, const std::string& name,
                                    const Attributes& attributes) override;
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

  void abandon() override { tree_->abandon(); }
  bool drained() const override { return tree_->drained(); }
  Task<Status> close() override;

 private:
  /// What a node is called, as long as its caller may name it.
  struct Name {
    std::string path;
    std::uint32_t number = 0;  // the watch's, once something was watched on it
  };

  std::string path_below(NodeId parent, const std::string& name) const;
  std::uint32_t number_of(NodeId node);
  std::uint32_t begin(OperationKind kind, std::uint32_t file, std::uint64_t offset = 0, std::uint64_t bytes = 0);
  void end(std::uint32_t slot, const Status& status);
  template <typename T>
  void end(std::uint32_t slot, const Result<T>& result) {
    end(slot, result ? Status() : Status(result.error()));
  }
  /// Names a node that was just made, under the number that its making had.
  void remember(const Result<NodeId>& made, std::string path, std::uint32_t number);

  std::unique_ptr<Tree> tree_;
  WatchTimer& timer_;
  std::unordered_map<NodeId, Name> names_;
  bool loss_reported_ = false;
};

}  // namespace holdfast::initiator
