#include "initiator/watch/watched_tree.h"

#include <cerrno>
#include <utility>

#include "initiator/watch/evidence.h"

namespace holdfast::initiator {
namespace {

/// What the watch counts: an answer of the tree that concerns one node (no room, no such attribute)
/// is an answer, and only what the transport failed is an error.
int error_number(const Error& error) {
  switch (error.kind) {
    case ErrorKind::cancelled: return ECANCELED;
    case ErrorKind::refused:
    case ErrorKind::out_of_space:
    case ErrorKind::invalid_input: return 0;
    default: return error.code == 0 ? EIO : error.code;
  }
}

}  // namespace

WatchedTree::WatchedTree(std::unique_ptr<Tree> tree, WatchTimer& timer) : tree_(std::move(tree)), timer_(timer) {
  CHECK(timer_.watch().options().on_files);
  names_[tree_->root()] = {};
  if (timer_.evidence() != nullptr) timer_.evidence()->add(*tree_, tree_->transport());
}

WatchedTree::~WatchedTree() {
  if (timer_.evidence() != nullptr) timer_.evidence()->remove(*tree_);
}

std::string WatchedTree::path_below(NodeId parent, const std::string& name) const {
  const auto found = names_.find(parent);
  if (found == names_.end() || found->second.path.empty()) return name;
  return found->second.path + "/" + name;
}

std::uint32_t WatchedTree::number_of(NodeId node) {
  const auto found = names_.find(node);
  if (found == names_.end()) return 0;
  Name& name = found->second;
  if (name.number == 0) name.number = timer_.watch().name_file(name.path.empty() ? "/" : name.path);
  return name.number;
}

std::uint32_t WatchedTree::begin(OperationKind kind, std::uint32_t file, std::uint64_t offset, std::uint64_t bytes) {
  const Instant now = clock_now();
  const std::uint32_t slot = timer_.watch().begin(kind, offset, bytes, file, now, now);
  timer_.begun();
  return slot;
}

void WatchedTree::end(std::uint32_t slot, const Status& status) {
  const Instant now = clock_now();
  const int error = status ? 0 : error_number(status.error());
  if (error != 0 && error != ECANCELED && !loss_reported_ && tree_->lost()) {
    loss_reported_ = true;
    timer_.watch().outage(tree_->last_error(), now);
  }
  timer_.watch().end(slot, error, now);
}

void WatchedTree::remember(const Result<NodeId>& made, std::string path, std::uint32_t number) {
  if (made) names_[*made] = {.path = std::move(path), .number = number};
}

Task<Result<NodeId>> WatchedTree::make_directory(NodeId parent, const std::string& name,
                                                 const Attributes& attributes) {
  std::string path = path_below(parent, name);
  const std::uint32_t number = timer_.watch().name_file(path);
  const std::uint32_t slot = begin(OperationKind::make_directory, number);
  Result<NodeId> made = co_await tree_->make_directory(parent, name, attributes);
  end(slot, made);
  remember(made, std::move(path), number);
  co_return made;
}

Task<Result<NodeId>> WatchedTree::create_file(NodeId parent, const std::string& name, const Attributes& attributes,
                                              std::span<const DataRange> ranges, std::uint32_t file) {
  std::string path = path_below(parent, name);
  const std::uint32_t number = file != 0 ? file : timer_.watch().name_file(path);
  const std::uint32_t slot = begin(OperationKind::create, number);
  Result<NodeId> made = co_await tree_->create_file(parent, name, attributes, ranges, number);
  end(slot, made);
  remember(made, std::move(path), number);
  co_return made;
}

Task<Status> WatchedTree::write(NodeId file, std::uint64_t offset, std::span<const std::byte> data) {
  const std::uint32_t slot = begin(OperationKind::write, number_of(file), offset, data.size());
  Status written = co_await tree_->write(file, offset, data);
  end(slot, written);
  co_return written;
}

Task<Status> WatchedTree::finish_file(NodeId file) {
  const std::uint32_t slot = begin(OperationKind::flush, number_of(file));
  Status finished = co_await tree_->finish_file(file);
  end(slot, finished);
  co_return finished;
}

void WatchedTree::forget(NodeId node) {
  names_.erase(node);
  tree_->forget(node);
}

Task<Status> WatchedTree::link(NodeId node, NodeId parent, const std::string& name) {
  const std::uint32_t number = timer_.watch().name_file(path_below(parent, name));
  const std::uint32_t slot = begin(OperationKind::link, number);
  Status linked = co_await tree_->link(node, parent, name);
  end(slot, linked);
  co_return linked;
}

Task<Result<NodeId>> WatchedTree::make_symlink(NodeId parent, const std::string& name, const std::string& target,
                                               const Attributes& attributes) {
  std::string path = path_below(parent, name);
  const std::uint32_t number = timer_.watch().name_file(path);
  const std::uint32_t slot = begin(OperationKind::symlink, number);
  Result<NodeId> made = co_await tree_->make_symlink(parent, name, target, attributes);
  end(slot, made);
  remember(made, std::move(path), number);
  co_return made;
}

Task<Result<NodeId>> WatchedTree::make_special(NodeId parent, const std::string& name,
                                               const Attributes& attributes) {
  std::string path = path_below(parent, name);
  const std::uint32_t number = timer_.watch().name_file(path);
  const std::uint32_t slot = begin(OperationKind::make_special, number);
  Result<NodeId> made = co_await tree_->make_special(parent, name, attributes);
  end(slot, made);
  remember(made, std::move(path), number);
  co_return made;
}

Task<Status> WatchedTree::set_attributes(NodeId node, const Attributes& attributes) {
  const std::uint32_t slot = begin(OperationKind::set_attributes, number_of(node));
  Status set = co_await tree_->set_attributes(node, attributes);
  end(slot, set);
  co_return set;
}

Task<Status> WatchedTree::sync() {
  const std::uint32_t slot = begin(OperationKind::flush, 0);
  Status synced = co_await tree_->sync();
  end(slot, synced);
  co_return synced;
}

Task<Result<std::vector<DirectoryEntry>>> WatchedTree::read_directory(NodeId directory) {
  const std::uint32_t slot = begin(OperationKind::read_directory, number_of(directory));
  Result<std::vector<DirectoryEntry>> entries = co_await tree_->read_directory(directory);
  end(slot, entries);
  if (entries)
    for (const DirectoryEntry& entry : *entries)
      names_.try_emplace(entry.node, Name{.path = path_below(directory, entry.name), .number = 0});
  co_return entries;
}

Task<Result<Attributes>> WatchedTree::read_attributes(NodeId node) {
  const std::uint32_t slot = begin(OperationKind::get_attributes, number_of(node));
  Result<Attributes> read = co_await tree_->read_attributes(node);
  end(slot, read);
  co_return read;
}

Task<Result<std::string>> WatchedTree::read_link(NodeId node) {
  const std::uint32_t slot = begin(OperationKind::read_link, number_of(node));
  Result<std::string> target = co_await tree_->read_link(node);
  end(slot, target);
  co_return target;
}

Task<Result<std::size_t>> WatchedTree::read(NodeId node, std::uint64_t offset, std::span<std::byte> data,
                                            std::uint32_t file) {
  const std::uint32_t number = file != 0 ? file : number_of(node);
  const std::uint32_t slot = begin(OperationKind::read, number, offset, data.size());
  Result<std::size_t> got = co_await tree_->read(node, offset, data, number);
  end(slot, got);
  co_return got;
}

Task<Result<std::vector<DataRange>>> WatchedTree::read_data_ranges(NodeId node) {
  const std::uint32_t slot = begin(OperationKind::get_attributes, number_of(node));
  Result<std::vector<DataRange>> ranges = co_await tree_->read_data_ranges(node);
  end(slot, ranges);
  co_return ranges;
}

Task<Status> WatchedTree::lock(NodeId node, std::uint64_t offset, std::uint64_t bytes, bool exclusive) {
  const std::uint32_t slot = begin(OperationKind::lock, number_of(node), offset, bytes);
  Status locked = co_await tree_->lock(node, offset, bytes, exclusive);
  end(slot, locked);
  co_return locked;
}

Task<Status> WatchedTree::unlock(NodeId node, std::uint64_t offset, std::uint64_t bytes) {
  const std::uint32_t slot = begin(OperationKind::unlock, number_of(node), offset, bytes);
  Status unlocked = co_await tree_->unlock(node, offset, bytes);
  end(slot, unlocked);
  co_return unlocked;
}

Task<Status> WatchedTree::close() {
  const std::uint32_t slot = begin(OperationKind::flush, 0);
  Status closed = co_await tree_->close();
  end(slot, closed);
  co_return closed;
}

}  // namespace holdfast::initiator
