#include "initiator/workload/copy.h"

#include <fmt/core.h>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/units.h"
#include "initiator/workload/source_stream.h"

namespace holdfast::initiator {
namespace {

/// Failures that concern one node: the tree cannot hold it, or has no room for it. Every other one
/// is the transport's, and for good.
bool concerns_the_node(const Error& error) {
  return error.kind == ErrorKind::refused || error.kind == ErrorKind::out_of_space ||
         error.kind == ErrorKind::invalid_input;
}

/// One copy under way.
class Copier {
 public:
  Copier(SourceStream& stream, Tree& tree, const CopyOptions& options, Progress& progress,
         const std::atomic<bool>& cancelled, CopyResult& result)
      : stream_(stream),
        tree_(tree),
        options_(options),
        progress_(progress),
        cancelled_(cancelled),
        result_(result) {}

  Task<Status> run() {
    for (;;) {
      if (cancelled_) co_return Error{ErrorKind::cancelled, 0, "cancelled"};
      SourceEntry* entry = co_await stream_.next();
      if (entry == nullptr) break;
      progress_.current = entry->path();
      Status placed = co_await place(*entry);
      if (!placed) co_return placed;
      if (entry->kind != EntryKind::directory_end) ++progress_.entries_done;
      progress_.problems = result_.problems.count() + stream_.problems().count();
    }
    if (stream_.failure()) co_return *stream_.failure();
    co_return Status();
  }

 private:
  /// A directory of the source that the walk is inside of. Where its place could not be made, what
  /// is in it is passed over.
  struct Place {
    NodeId node{};
    bool made = false;
  };

  Task<Status> place(SourceEntry& entry) {
    if (entry.kind == EntryKind::directory_end) {
      Status status = co_await end_directory(entry);
      co_return status;
    }
    if (!entry.parent) {
      places_.push_back({.node = tree_.root(), .made = true});
      ++result_.directories;
      co_return Status();
    }
    if (!places_.back().made) {
      if (entry.kind == EntryKind::directory) places_.push_back({});
      co_return Status();
    }
    if (entry.kind == EntryKind::hard_link) {
      Status status = co_await place_link(entry);
      co_return status;
    }
    Result<NodeId> node = co_await make_node(entry);
    if (entry.kind == EntryKind::directory)
      places_.push_back({.node = node ? *node : NodeId{}, .made = node.ok()});
    if (!node) co_return leave_out(entry, node.error());
    count(entry);
    if (entry.link) {
      entry.link->node = *node;
      entry.link->placed = true;
    }
    if (entry.kind == EntryKind::file) {
      Status status = co_await fill_file(*node);
      co_return status;
    }
    co_return Status();
  }

  /// A node whose extended attributes find no place is made without them, as cp does.
  Task<Result<NodeId>> make_node(SourceEntry& entry) {
    std::uint32_t number = 0;
    if (entry.kind == EntryKind::file && options_.name_file)
      number = options_.name_file(progress_.current);
    Result<NodeId> node = co_await make(entry, number);
    if (node || entry.attributes.xattrs.empty() || !concerns_the_node(node.error())) co_return node;
    Error first = node.error();
    entry.attributes.xattrs.clear();
    Result<NodeId> bare = co_await make(entry, number);
    if (bare) xattr_problem(entry, first);
    co_return bare;
  }

  Task<Result<NodeId>> make(const SourceEntry& entry, std::uint32_t number) {
    const NodeId parent = places_.back().node;
    switch (entry.kind) {
      case EntryKind::directory: {
        Result<NodeId> made = co_await tree_.make_directory(parent, entry.name, entry.attributes);
        co_return made;
      }
      case EntryKind::symlink: {
        Result<NodeId> made =
            co_await tree_.make_symlink(parent, entry.name, entry.target, entry.attributes);
        co_return made;
      }
      case EntryKind::special: {
        Result<NodeId> made = co_await tree_.make_special(parent, entry.name, entry.attributes);
        co_return made;
      }
      default: {
        CHECK(entry.kind == EntryKind::file);
        Result<NodeId> made =
            co_await tree_.create_file(parent, entry.name, entry.attributes, entry.ranges, number);
        co_return made;
      }
    }
  }

  Task<Status> fill_file(NodeId node) {
    for (;;) {
      SourcePiece piece = co_await stream_.next_piece();
      if (!piece) break;
      Status written = co_await tree_.write(node, piece.offset(), piece.data());
      if (!written) co_return written;
      progress_.bytes_done += piece.data().size();
      result_.data_bytes += piece.data().size();
      if (cancelled_) break;
    }
    Status finished = co_await tree_.finish_file(node);
    co_return finished;
  }

  Task<Status> place_link(const SourceEntry& entry) {
    if (!entry.link->placed) {
      problem(entry, "left out: so was the first name of this file");
      co_return Status();
    }
    Status linked = co_await tree_.link(entry.link->node, places_.back().node, entry.name);
    if (!linked) co_return leave_out(entry, linked.error());
    ++result_.links;
    co_return Status();
  }

  /// Only now that its entries are in it will a directory keep its times.
  Task<Status> end_directory(SourceEntry& entry) {
    const Place place = places_.back();
    places_.pop_back();
    if (!place.made) co_return Status();
    Status set = co_await tree_.set_attributes(place.node, entry.attributes);
    if (set || entry.attributes.xattrs.empty() || !concerns_the_node(set.error())) co_return set;
    // Below the source itself this was said when the directory was made.
    if (!entry.parent) xattr_problem(entry, set.error());
    entry.attributes.xattrs.clear();
    Status bare = co_await tree_.set_attributes(place.node, entry.attributes);
    co_return bare;
  }

  void count(const SourceEntry& entry) {
    if (entry.kind == EntryKind::directory) ++result_.directories;
    if (entry.kind == EntryKind::file) ++result_.files;
    if (entry.kind == EntryKind::symlink || entry.kind == EntryKind::special) ++result_.others;
  }

  Status leave_out(const SourceEntry& entry, const Error& error) {
    if (!concerns_the_node(error)) return error;
    problem(entry, "left out: " + error.message);
    return {};
  }

  void problem(const SourceEntry& entry, std::string reason) {
    result_.problems.add({entry.path(), std::move(reason)});
  }

  void xattr_problem(const SourceEntry& entry, const Error& error) {
    result_.problems.add({.path = entry.path(),
                          .reason = "extended attributes left out: " + error.message,
                          .only_xattrs = true});
  }

  SourceStream& stream_;
  Tree& tree_;
  const CopyOptions& options_;
  Progress& progress_;
  const std::atomic<bool>& cancelled_;
  CopyResult& result_;
  std::vector<Place> places_;
};

/// The pass itself, from an open source to a synced tree.
Task<Status> copy_into(Loop& loop, Tree& tree, const CopyOptions& options, Progress& progress,
                       const std::atomic<bool>& cancelled, CopyResult& result) {
  Result<std::unique_ptr<SourceStream>> stream = SourceStream::open(loop, options.source);
  if (!stream) co_return stream.error();
  progress.phase = Progress::Phase::copying;
  Copier copier(**stream, tree, options, progress, cancelled, result);
  Status copied = co_await copier.run();
  co_await (*stream)->close();
  result.problems.add_all((*stream)->problems());
  progress.problems = result.problems.count();
  if (!copied) co_return copied;
  progress.phase = Progress::Phase::syncing;
  Status synced = co_await tree.sync();
  co_return synced;
}

}  // namespace

Status check_space(const SourceEstimate& estimate, std::uint64_t free_bytes) {
  if (estimate.space_bytes <= free_bytes) return {};
  return Error{ErrorKind::out_of_space, 0,
               fmt::format("the source needs {} MiB, but the destination has room for {} MiB",
                           (estimate.space_bytes + MiB - 1) / MiB, free_bytes / MiB)};
}

Task<CopyResult> copy_tree(Loop& loop, Tree& tree, const CopyOptions& options,
                           const SourceEstimate& estimate, Progress& progress,
                           const std::atomic<bool>& cancelled) {
  CopyResult result;
  progress.entries_total = estimate.entries();
  progress.bytes_total = estimate.data_bytes;
  Status status = check_space(estimate, tree.free_bytes());
  if (status) {
    Status copied = co_await copy_into(loop, tree, options, progress, cancelled, result);
    status = std::move(copied);
  }
  Status closed = co_await tree.close();
  if (status) status = std::move(closed);
  result.status = std::move(status);
  progress.phase = Progress::Phase::over;
  co_return result;
}

}  // namespace holdfast::initiator
