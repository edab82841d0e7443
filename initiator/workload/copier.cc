#include "initiator/workload/copier.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace holdfast::initiator {
namespace {

/// Failures that concern one node: the tree cannot hold it, or has no room for it. Every other one
/// is the transport's, and for good.
bool concerns_the_node(const Error& error) {
  return error.kind == ErrorKind::refused || error.kind == ErrorKind::out_of_space ||
         error.kind == ErrorKind::invalid_input;
}

}  // namespace

Copier::Copier(SourceStream& stream, Tree& tree, const CopyOptions& options, Progress& progress,
               const std::atomic<bool>& cancelled, FinishedFiles* finished, CopyResult& result)
    : stream_(stream),
      tree_(tree),
      options_(options),
      progress_(progress),
      cancelled_(cancelled),
      finished_(finished),
      result_(result),
      omissions_(tree.shortcomings()),
      jobs_max_(std::clamp(tree.concurrency(), 1u, jobs_most)) {}

Task<Status> Copier::run() {
  co_await dispatch();
  co_await jobs_.join();
  // From the innermost one, so that none is freed from inside another.
  while (!places_.empty()) places_.pop_back();
  result_.left_out = omissions_.list();
  if (!failure_) co_return failure_;
  if (cancelled_) co_return Error{ErrorKind::cancelled, 0, "cancelled"};
  if (stream_.failure()) co_return *stream_.failure();
  co_return Status();
}

// The dispatcher.

Task<void> Copier::dispatch() {
  while (!stopped()) {
    SourceEntry* entry = co_await stream_.next();
    if (entry == nullptr) break;
    progress_.current = entry->path();
    if (entry->kind == EntryKind::directory_end)
      co_await end_directory(*entry);
    else if (!entry->parent)
      enter_root(*entry);
    else
      co_await begin(*entry);
  }
}

void Copier::enter_root(const SourceEntry& entry) {
  auto root = std::make_shared<Place>();
  root->name = entry.name;
  root->node = tree_.root();
  root->made = true;
  root->settled.set();
  places_.push_back(std::move(root));
  ++result_.directories;
  ++progress_.entries_done;
}

Task<void> Copier::begin(const SourceEntry& entry) {
  while (!try_slot()) co_await slot_free_.wait();
  const std::shared_ptr<Node> node = make_node(entry);
  jobs_.spawn(copy_node(node));
  if (entry.kind == EntryKind::file) co_await feed(*node);
}

std::shared_ptr<Copier::Node> Copier::make_node(const SourceEntry& entry) {
  auto node = std::make_shared<Node>();
  node->kind = entry.kind;
  node->name = entry.name;
  node->source_parent = entry.parent;
  node->attributes = entry.attributes;
  node->target = entry.target;
  node->ranges = entry.ranges;
  node->link = entry.link;
  node->place = places_.back();
  ++node->place->unfinished;
  if (entry.kind == EntryKind::file && options_.name_file)
    node->number = options_.name_file(progress_.current);
  const bool of_use = finished_ != nullptr && entry.kind == EntryKind::file && !entry.link &&
                      entry.attributes.bytes > 0;
  if (of_use && finished_->wants_next())
    node->sample = finished_->begin(progress_.current, entry.attributes.bytes, node->number);
  if (entry.kind != EntryKind::directory) return node;
  node->own = std::make_shared<Place>();
  node->own->parent = node->place;
  node->own->source_parent = entry.parent;
  node->own->name = entry.name;
  ++node->own->unfinished;  // its making
  places_.push_back(node->own);
  return node;
}

/// Hands a file's data to its job, one piece after the other.
Task<void> Copier::feed(Node& node) {
  while (!stopped() && !node.closed) {
    SourcePiece piece = co_await stream_.next_piece();
    if (!piece) break;
    while (node.piece && !node.closed) co_await node.changed.wait();
    if (node.closed) break;
    node.piece.emplace(std::move(piece));
    node.changed.pulse();
  }
  node.fed = true;
  node.changed.pulse();
}

Task<void> Copier::end_directory(const SourceEntry& entry) {
  std::shared_ptr<Place> place = std::move(places_.back());
  places_.pop_back();
  place->attributes = entry.attributes;
  if (--place->unfinished > 0) co_return;
  while (!try_slot()) co_await slot_free_.wait();
  jobs_.spawn(complete(std::move(place)));
}

// Jobs.

Task<void> Copier::copy_node(std::shared_ptr<Node> node) {
  if (!node->place->settled.is_set()) co_await node->place->settled.wait();
  if (node->place->made && !stopped()) co_await place_node(*node);
  node->closed = true;
  node->piece.reset();
  node->changed.pulse();
  name_over(*node);
  if (node->own) node->own->settled.set();
  // A directory is over, for the one above it, when all that is in it is.
  std::shared_ptr<Place> waiting = node->own ? node->own : node->place;
  if (--waiting->unfinished == 0) co_await complete_upwards(std::move(waiting));
  ++progress_.entries_done;
  progress_.problems = result_.problems.count() + stream_.problems().count();
  end_slot();
}

Task<void> Copier::place_node(Node& node) {
  if (node.kind == EntryKind::hard_link) {
    co_await place_link(node);
    co_return;
  }
  if (is_special(node.attributes.mode) && omissions_.lacks(Shortcoming::Of::specials)) {
    omissions_.count(Shortcoming::Of::specials);
    if (node.link) node.link->left_out = true;
    co_return;
  }
  omissions_.count(node.attributes);
  omissions_.take_out(node.attributes);
  if (has_holes(node.attributes, node.ranges)) omissions_.count(Shortcoming::Of::holes);
  Result<NodeId> made = co_await make_with_xattrs(node);
  if (!made) {
    leave_out(node, made.error());
    co_return;
  }
  count(node);
  if (node.kind == EntryKind::file) co_await fill_file(node, *made);
  if (node.own) {
    node.own->node = *made;
    node.own->made = true;
  } else if (node.link) {
    node.link->node = *made;
    node.link->placed = true;
  } else {
    let_go(node, *made);
  }
}

/// The copy will not name this node again. After a failure it may not be finished: then the tree's
/// end takes it along.
void Copier::let_go(Node& node, NodeId id) {
  if (!failure_) return;
  if (node.sample && !stopped())
    finished_->add(std::move(node.sample), id);
  else
    tree_.forget(id);
}

/// A node whose extended attributes find no place is made without them, as cp does.
Task<Result<NodeId>> Copier::make_with_xattrs(Node& node) {
  Result<NodeId> made = co_await make(node);
  if (made || node.attributes.xattrs.empty() || !concerns_the_node(made.error())) co_return made;
  Error first = made.error();
  node.attributes.xattrs.clear();
  Result<NodeId> bare = co_await make(node);
  if (bare) xattr_problem(node.path(), first);
  co_return bare;
}

Task<Result<NodeId>> Copier::make(const Node& node) {
  const NodeId parent = node.place->node;
  switch (node.kind) {
    case EntryKind::directory: {
      Result<NodeId> made = co_await tree_.make_directory(parent, node.name, node.attributes);
      co_return made;
    }
    case EntryKind::symlink: {
      Result<NodeId> made =
          co_await tree_.make_symlink(parent, node.name, node.target, node.attributes);
      co_return made;
    }
    case EntryKind::special: {
      Result<NodeId> made = co_await tree_.make_special(parent, node.name, node.attributes);
      co_return made;
    }
    default: {
      CHECK(node.kind == EntryKind::file);
      Result<NodeId> made = co_await tree_.create_file(parent, node.name, node.attributes,
                                                       node.ranges, node.number);
      co_return made;
    }
  }
}

/// Writes what the dispatcher hands over, several pieces at once while there are slots to spare. The
/// job lends its own slot to one of them, so it never waits for what others hold.
Task<void> Copier::fill_file(Node& node, NodeId id) {
  for (;;) {
    while (!node.piece && !node.fed) co_await node.changed.wait();
    if (!node.piece || stopped()) break;
    const DataRange& last = node.ranges.back();
    const bool alone = node.writes == 0 && node.piece->offset() + node.piece->data().size() ==
                                               last.offset + last.bytes;
    if (!alone && node.writes > 0 && !try_slot()) {
      co_await node.changed.wait();
      continue;
    }
    SourcePiece piece = std::move(*node.piece);
    node.piece.reset();
    node.changed.pulse();
    if (alone) {
      co_await write_piece(node, id, piece);
      continue;
    }
    ++node.writes;
    jobs_.spawn(write_beside(node, id, std::move(piece)));
  }
  while (node.writes > 0) co_await node.changed.wait();
  if (!failure_) co_return;
  const Status finished = co_await tree_.finish_file(id);
  if (!finished) fail(finished.error());
}

Task<void> Copier::write_beside(Node& node, NodeId id, SourcePiece piece) {
  {
    // Its memory goes back to the stream before anybody is told.
    const SourcePiece held = std::move(piece);
    co_await write_piece(node, id, held);
  }
  // The last one under way uses the job's own slot.
  if (--node.writes > 0) end_slot();
  node.changed.pulse();
}

Task<void> Copier::write_piece(Node& node, NodeId id, const SourcePiece& piece) {
  if (node.sample) node.sample->note(piece.offset(), piece.data());
  const Status written = co_await tree_.write(id, piece.offset(), piece.data());
  if (!written) {
    fail(written.error());
    co_return;
  }
  progress_.bytes_done += piece.data().size();
  result_.data_bytes += piece.data().size();
}

Task<void> Copier::place_link(Node& node) {
  LinkGroup& group = *node.link;
  if (!group.settled.is_set()) co_await group.settled.wait();
  if (stopped() || group.left_out) co_return;
  if (!group.placed) {
    result_.problems.add({node.path(), "left out: so was the first name of this file"});
    co_return;
  }
  const Status linked = co_await tree_.link(group.node, node.place->node, node.name);
  if (linked)
    ++result_.links;
  else
    leave_out(node, linked.error());
}

/// One name of a file with several is over, placed or not: with the last one the file's node will
/// not be named again.
void Copier::name_over(Node& node) {
  if (!node.link) return;
  LinkGroup& group = *node.link;
  if (node.kind != EntryKind::hard_link) group.settled.set();
  if (++group.names_over == group.links && group.placed) tree_.forget(group.node);
}

// Directories.

Task<void> Copier::complete(std::shared_ptr<Place> place) {
  co_await complete_upwards(std::move(place));
  end_slot();
}

/// `place` has everything that shall be in it; so may have the ones above it, one after the other.
Task<void> Copier::complete_upwards(std::shared_ptr<Place> place) {
  while (place) {
    if (place->made && !stopped()) co_await give_attributes(*place);
    std::shared_ptr<Place> parent = place->parent;
    if (parent && --parent->unfinished > 0) parent.reset();
    place = std::move(parent);
  }
}

/// Only now that its entries are in it will a directory keep its times.
Task<void> Copier::give_attributes(Place& place) {
  Attributes& attributes = place.attributes;
  if (!place.parent) omissions_.count(attributes);
  omissions_.take_out(attributes);
  Status set = co_await tree_.set_attributes(place.node, attributes);
  const bool bare = !set && !attributes.xattrs.empty() && concerns_the_node(set.error());
  if (bare) {
    // Below the source itself this was said when the directory was made.
    if (!place.parent) xattr_problem(place.path(), set.error());
    attributes.xattrs.clear();
    Status again = co_await tree_.set_attributes(place.node, attributes);
    set = std::move(again);
  }
  // A server that squashes root lets nobody change a directory that is root's, as an export itself may be.
  if (!set && concerns_the_node(set.error()))
    result_.problems.add({place.path(), "attributes left out: " + set.error().message});
  else if (!set)
    fail(set.error());
  if (place.parent) tree_.forget(place.node);
}

// Slots and results.

bool Copier::try_slot() {
  if (jobs_running_ == jobs_max_) return false;
  ++jobs_running_;
  return true;
}

void Copier::end_slot() {
  --jobs_running_;
  slot_free_.pulse();
}

void Copier::fail(const Error& error) {
  if (failure_) failure_ = error;
}

void Copier::leave_out(const Node& node, const Error& error) {
  if (concerns_the_node(error))
    result_.problems.add({node.path(), "left out: " + error.message});
  else
    fail(error);
}

void Copier::count(const Node& node) {
  if (node.kind == EntryKind::directory) ++result_.directories;
  if (node.kind == EntryKind::file) ++result_.files;
  if (node.kind == EntryKind::symlink || node.kind == EntryKind::special) ++result_.others;
}

void Copier::xattr_problem(const std::string& path, const Error& error) {
  result_.problems.add({.path = path,
                        .reason = "extended attributes left out: " + error.message,
                        .only_xattrs = true});
}

}  // namespace holdfast::initiator
