#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/runtime/event.h"
#include "common/runtime/scope.h"
#include "initiator/workload/copy.h"
#include "initiator/workload/finished_files.h"
#include "initiator/workload/left_out.h"
#include "initiator/workload/source_stream.h"

namespace holdfast::initiator {

/// One copy under way. A dispatcher goes through the source in order and makes a job of each entry;
/// jobs run side by side, each in a slot, as many as the tree likes. A job waits only for those that
/// were begun before it: for its directory to be made, and as a hard link for the file's first
/// name. So with one slot the order is the source's, and with more nothing can wait in a circle.
///
/// What is in flight is bounded by the slots and by the stream's memory for data.
class Copier {
 public:
  Copier(SourceStream& stream, Tree& tree, const CopyOptions& options, Progress& progress,
         const std::atomic<bool>& cancelled, FinishedFiles* finished, CopyResult& result);

  /// All of it; returns with no job left.
  Task<Status> run();

 private:
  /// A directory of the source whose copy is not complete. Where its place could not be made, what
  /// is in it is passed over.
  struct Place {
    std::shared_ptr<Place> parent;  // null: the tree's root
    std::shared_ptr<const SourceDirectory> source_parent;
    std::string name;
    NodeId node{};
    bool made = false;
    Event settled;  // whether it could be made is known
    /// What is in it and not over yet, the walk while it is inside, and its own making.
    std::uint64_t unfinished = 1;
    Attributes attributes;  // that it shall have in the end

    std::string path() const { return source_parent ? source_parent->path_of(name) : name; }
  };

  /// An entry that is being copied.
  struct Node {
    EntryKind kind = EntryKind::file;
    std::string name;
    std::shared_ptr<const SourceDirectory> source_parent;
    Attributes attributes;
    std::string target;
    std::vector<DataRange> ranges;
    std::shared_ptr<LinkGroup> link;
    std::shared_ptr<Place> place;  // it lies in
    std::shared_ptr<Place> own;    // of a directory
    std::uint32_t number = 0;      // the watch's
    std::unique_ptr<FinishedFile> sample;  // of a file that will be used on

    // The way of a file's data from the dispatcher to its job.
    std::optional<SourcePiece> piece;  // the next one to be written
    bool fed = false;                  // none will follow
    bool closed = false;               // none will be taken
    std::uint32_t writes = 0;          // under way beside the job
    Event changed;

    std::string path() const { return source_parent->path_of(name); }
  };

  // The dispatcher.
  Task<void> dispatch();
  Task<void> begin(const SourceEntry& entry);
  Task<void> feed(Node& node);
  Task<void> end_directory(const SourceEntry& entry);
  void enter_root(const SourceEntry& entry);
  std::shared_ptr<Node> make_node(const SourceEntry& entry);

  // Jobs. Each was given a slot, and gives it back.
  Task<void> copy_node(std::shared_ptr<Node> node);
  Task<void> complete(std::shared_ptr<Place> place);
  Task<void> write_beside(Node& node, NodeId id, SourcePiece piece);

  // Parts of copy_node.
  Task<void> place_node(Node& node);
  Task<void> place_link(Node& node);
  Task<Result<NodeId>> make_with_xattrs(Node& node);
  Task<Result<NodeId>> make(const Node& node);
  Task<void> fill_file(Node& node, NodeId id);
  Task<void> write_piece(Node& node, NodeId id, const SourcePiece& piece);
  void let_go(Node& node, NodeId id);
  void name_over(Node& node);

  Task<void> complete_upwards(std::shared_ptr<Place> place);
  Task<void> give_attributes(Place& place);

  bool try_slot();
  void end_slot();
  void fail(const Error& error);
  void leave_out(const Node& node, const Error& error);
  void count(const Node& node);
  void xattr_problem(const std::string& path, const Error& error);
  bool stopped() const { return cancelled_ || !failure_.ok(); }

  /// More nodes at once than that help no tree.
  static constexpr std::uint32_t jobs_most = 128;

  SourceStream& stream_;
  Tree& tree_;
  const CopyOptions& options_;
  Progress& progress_;
  const std::atomic<bool>& cancelled_;
  FinishedFiles* finished_;  // where finished files are still wanted, if anywhere
  CopyResult& result_;
  Omissions omissions_;
  const std::uint32_t jobs_max_;
  std::uint32_t jobs_running_ = 0;
  Scope jobs_;
  Event slot_free_;
  Status failure_;
  std::vector<std::shared_ptr<Place>> places_;  // that the walk is inside of
};

}  // namespace holdfast::initiator
