#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/runtime/loop.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// A Tree that keeps everything in memory and lets a test look at it, spoil it and make it fail: it
/// proves the workloads alone.
class MemoryTree final : public Tree {
 public:
  struct Node {
    Attributes attributes;
    std::map<std::uint64_t, std::string>
        pieces;  // of content, by offset; what lies between is zeros
    std::vector<DataRange> ranges;
    std::string target;
    std::vector<std::pair<std::string, NodeId>> entries;  // in the order of their making
    std::uint64_t written = 0;
    bool finished = false;

    /// All of a file, which should not be a large one.
    std::string content() const {
      std::string all(attributes.bytes, '\0');
      for (const auto& [offset, piece] : pieces) all.replace(offset, piece.size(), piece);
      return all;
    }
  };

  explicit MemoryTree(Loop& loop) : loop_(loop) { nodes_.emplace_back().attributes.mode = S_IFDIR; }

  // What a test may turn.
  std::uint64_t free = ~std::uint64_t{0};
  std::uint32_t calls_at_once = 8;
  Duration delay{};  // of each write and each read of content
  /// Asked before each verb that writes: an error to answer with, or success.
  std::function<Status(const std::string& verb, const std::string& name)> refuse;
  std::function<void()> on_write;  // called at each write of content
  bool synced = false;
  bool closed = false;
  std::uint32_t calls_now = 0;
  std::uint32_t calls_most = 0;  // reads of content under way at once

  Node& at(NodeId id) { return nodes_[static_cast<std::size_t>(id)]; }
  /// The node at "a/b/c", or null.
  Node* find(const std::string& path) {
    NodeId id = root();
    for (std::size_t from = 0; from < path.size();) {
      const std::size_t slash = std::min(path.find('/', from), path.size());
      const std::string name = path.substr(from, slash - from);
      const auto& entries = at(id).entries;
      const auto found = std::find_if(entries.begin(), entries.end(),
                                      [&name](const auto& entry) { return entry.first == name; });
      if (found == entries.end()) return nullptr;
      id = found->second;
      from = slash + 1;
    }
    return &at(id);
  }

  NodeId root() const override { return NodeId{0}; }
  std::string transport() const override { return "memory"; }
  std::uint32_t concurrency() const override { return calls_at_once; }
  std::uint64_t free_bytes() const override { return free; }

  Task<Result<NodeId>> make_directory(NodeId parent, const std::string& name,
                                      const Attributes& attributes) override {
    co_return add("make_directory", parent, name, attributes);
  }

  Task<Result<NodeId>> create_file(NodeId parent, const std::string& name,
                                   const Attributes& attributes, std::span<const DataRange> ranges,
                                   std::uint32_t) override {
    Result<NodeId> node = add("create_file", parent, name, attributes);
    if (node) at(*node).ranges.assign(ranges.begin(), ranges.end());
    co_return node;
  }

  Task<Status> write(NodeId file, std::uint64_t offset, std::span<const std::byte> data) override {
    Status status = asked("write", "");
    if (!status) co_return status;
    if (on_write) on_write();
    if (delay.count() > 0) co_await sleep_for(loop_, delay);
    Node& node = at(file);
    const bool in_order = offset % 4096 == 0 && offset >= node.written;
    if (!in_order || offset + data.size() > node.attributes.bytes || node.finished)
      co_return Error{ErrorKind::protocol, 0, "a write that the tree does not allow"};
    node.pieces[offset].assign(reinterpret_cast<const char*>(data.data()), data.size());
    node.written = offset + data.size();
    co_return Status();
  }

  Task<Status> finish_file(NodeId file) override {
    at(file).finished = true;
    co_return asked("finish_file", "");
  }

  Task<Status> link(NodeId node, NodeId parent, const std::string& name) override {
    Status status = asked("link", name);
    if (!status) co_return status;
    at(parent).entries.emplace_back(name, node);
    ++at(node).attributes.links;
    co_return Status();
  }

  Task<Result<NodeId>> make_symlink(NodeId parent, const std::string& name,
                                    const std::string& target,
                                    const Attributes& attributes) override {
    Result<NodeId> node = add("make_symlink", parent, name, attributes);
    if (node) at(*node).target = target;
    co_return node;
  }

  Task<Result<NodeId>> make_special(NodeId parent, const std::string& name,
                                    const Attributes& attributes) override {
    co_return add("make_special", parent, name, attributes);
  }

  Task<Status> set_attributes(NodeId node, const Attributes& attributes) override {
    Status status = asked("set_attributes", "");
    if (!status) co_return status;
    Attributes& held = at(node).attributes;
    const std::uint64_t links = held.links;
    const std::uint64_t bytes = held.bytes;
    held = attributes;
    held.links = links;
    held.bytes = bytes;
    co_return Status();
  }

  Task<Status> sync() override {
    synced = true;
    co_return asked("sync", "");
  }

  Task<Result<std::vector<DirectoryEntry>>> read_directory(NodeId directory) override {
    std::vector<DirectoryEntry> entries;
    for (const auto& [name, node] : at(directory).entries)
      entries.push_back({.name = name, .node = node, .mode = at(node).attributes.mode & S_IFMT});
    std::reverse(entries.begin(), entries.end());  // No order is promised.
    co_return entries;
  }

  Task<Result<Attributes>> read_attributes(NodeId node) override { co_return at(node).attributes; }
  Task<Result<std::string>> read_link(NodeId node) override { co_return at(node).target; }

  Task<Result<std::size_t>> read(NodeId file, std::uint64_t offset, std::span<std::byte> data,
                                 std::uint32_t) override {
    calls_most = std::max(calls_most, ++calls_now);
    if (delay.count() > 0) co_await sleep_for(loop_, delay);
    --calls_now;
    const Node& node = at(file);
    if (offset >= node.attributes.bytes) co_return std::size_t{0};
    const std::uint64_t got = std::min<std::uint64_t>(data.size(), node.attributes.bytes - offset);
    std::memset(data.data(), 0, got);
    for (const auto& [start, piece] : node.pieces) {
      const std::uint64_t from = std::max(start, offset);
      const std::uint64_t to = std::min(start + piece.size(), offset + got);
      if (from < to)
        std::memcpy(data.data() + (from - offset), piece.data() + (from - start), to - from);
    }
    co_return std::size_t{got};
  }

  Task<Result<std::vector<DataRange>>> read_data_ranges(NodeId node) override {
    co_return at(node).ranges;
  }

  Task<Status> close() override {
    closed = true;
    co_return Status();
  }

 private:
  Status asked(const char* verb, const std::string& name) {
    return refuse ? refuse(verb, name) : Status();
  }

  Result<NodeId> add(const char* verb, NodeId parent, const std::string& name,
                     const Attributes& attributes) {
    Status status = asked(verb, name);
    if (!status) return status.error();
    const NodeId id{nodes_.size()};
    Node& node = nodes_.emplace_back();
    node.attributes = attributes;
    node.attributes.links = 1;
    at(parent).entries.emplace_back(name, id);
    return id;
  }

  Loop& loop_;
  std::deque<Node> nodes_;
};

}  // namespace holdfast::initiator
