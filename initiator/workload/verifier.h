#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/runtime/buffer.h"
#include "common/runtime/event.h"
#include "common/runtime/scope.h"
#include "initiator/workload/left_out.h"
#include "initiator/workload/source_stream.h"
#include "initiator/workload/verify.h"

namespace holdfast::initiator {

/// One verification under way. A dispatcher goes through the source in order and looks each name up
/// in the copy; what there is to compare becomes a job: a node's attributes, a piece of content.
/// Jobs run side by side, up to the tree's concurrency.
class Verifier {
 public:
  Verifier(SourceStream& stream, Tree& tree, const VerifyOptions& options, Progress& progress,
           const std::atomic<bool>& cancelled, VerifyResult& result);

  /// All of it; returns with no job left.
  Task<Status> run();
  /// Adds what `found` names and the copy did not name already.
  void take_problems(const BoundedList<SourceProblem>& found);

 private:
  /// A directory of the source that the walk is inside of, and what the copy has there and the
  /// source was not seen to have yet.
  struct Level {
    bool present = false;
    bool changed = false;
    std::string path;
    std::unordered_map<std::string, NodeId> unseen;
  };

  /// A node being compared: shared by its jobs, judged when the last one is over.
  struct Check {
    explicit Check(Verifier& verifier) : owner(verifier) {}
    ~Check() {
      owner.judge_content(*this);
      owner.release(node);
    }

    Verifier& owner;
    std::string path;
    EntryKind kind = EntryKind::file;
    NodeId node{};
    Attributes attributes;
    std::string target;
    std::vector<DataRange> ranges;
    bool linked = false;
    bool changed = false;
    std::uint32_t number = 0;
    std::optional<std::uint64_t> differs_at;
    /// Its attributes are known. Until then it is not read, for reading may move its time of access.
    Event attributes_read;
  };
  using Checked = std::shared_ptr<Check>;

  /// A file with several names: those that the source has, and those that led to it in the copy.
  struct Names {
    std::shared_ptr<LinkGroup> group;  // so that its address stays its own
    NodeId node{};
    std::string first;
    std::uint64_t met = 0;
    std::uint64_t found = 0;
    bool changed = false;
  };

  Task<void> dispatch();
  Task<void> look_at(SourceEntry& entry);
  Task<void> enter(SourceEntry& entry, std::optional<NodeId> node);
  Task<void> compare_pieces(Checked check);
  void leave();
  std::optional<NodeId> find(const SourceEntry& entry);
  void missing(const SourceEntry& entry, bool changed);
  bool meet(const SourceEntry& entry, NodeId node);
  Task<void> judge_names(const LinkGroup& group);
  Checked make_check(SourceEntry& entry, NodeId node);

  Task<void> slot();
  void end_slot();

  // Jobs. Each was given a slot, and gives it back.
  Task<void> check_node(Checked check);
  Task<void> check_piece(Checked check, SourcePiece piece);
  Task<void> check_names(Names names);

  // Parts of check_node.
  Task<void> check_target(Check& check);
  Task<void> check_holes(Check& check);
  Task<void> check_zeros(Check& check, DataRange range);

  Task<Result<std::size_t>> read_back(const Check& check, std::uint64_t offset,
                                      std::span<std::byte> data);
  void judge_content(const Check& check);
  // The tree may forget a node when nothing here will name it again: no directory that is being
  // looked through, no job, no group of names.
  void use(NodeId node) { ++uses_[node]; }
  void release(NodeId node);
  void differ(const std::string& path, bool changed, std::string what,
              std::optional<std::uint64_t> offset = {});
  void unreadable(const std::string& path, const Error& error);
  bool is_changed(const SourceEntry& entry) const;
  bool stopped() const { return cancelled_ || !failure_.ok(); }

  static constexpr std::uint32_t jobs_most = 64;
  /// So many nodes that cannot be read back are named; then the tree is given up.
  static constexpr std::uint32_t unreadable_max = 100;

  SourceStream& stream_;
  Tree& tree_;
  const VerifyOptions& options_;
  Progress& progress_;
  const std::atomic<bool>& cancelled_;
  VerifyResult& result_;
  Omissions omissions_;
  const std::size_t jobs_max_;
  BufferPool buffers_;
  Scope jobs_;
  std::size_t jobs_running_ = 0;
  Event slot_free_;
  Status failure_;
  std::uint32_t unreadable_ = 0;
  std::vector<Level> levels_;
  std::unordered_map<const LinkGroup*, Names> names_;
  std::unordered_map<NodeId, std::uint32_t> uses_;
  std::unordered_map<std::string, bool> known_;  // path, and whether only xattrs are missing
};

}  // namespace holdfast::initiator
