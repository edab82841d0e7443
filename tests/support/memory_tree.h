#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
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
    std::uint64_t written = 0;   // the end of the last write that was begun
    std::uint32_t writing = 0;   // writes under way
    bool finished = false;       // a file; a directory that has got its last attributes
    bool forgotten = false;

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
  /// How long a verb takes to answer, if set; `delay` does not count then.
  std::function<Duration(const std::string& verb)> delay_of;
  std::vector<Shortcoming> lacking;
  /// Asked before each verb that writes: an error to answer with, or success.
  std::function<Status(const std::string& verb, const std::string& name)> refuse;
  std::function<void()> on_write;  // called at each write of content
  std::function<void(std::span<std::byte>)> on_read;  // with what is about to be answered
  bool has_locks = true;
  bool synced = false;
  bool closed = false;
  std::uint32_t calls_now = 0;
  std::uint32_t calls_most = 0;   // under way at once
  std::uint32_t writes_most = 0;  // of one file, under way at once
  std::uint32_t remembered_most = 0;  // nodes not forgotten, at once
  std::vector<std::string> broken;  // what the contract does not allow
  std::vector<std::string> verbs;   // "verb name", as they were begun

  std::uint32_t remembered() const { return remembered_; }
  std::size_t locks_held() const { return locks_.size(); }

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

  /// An empty file in the root, finished already.
  NodeId make_file(const std::string& name) {
    Attributes attributes;
    attributes.mode = S_IFREG | 0644;
    const Result<NodeId> made = add("make_file", root(), name, attributes);
    at(*made).finished = true;
    return *made;
  }

  NodeId root() const override { return NodeId{0}; }
  std::string transport() const override { return "memory"; }
  std::uint32_t concurrency() const override { return calls_at_once; }
  std::uint64_t free_bytes() const override { return free; }
  std::vector<Shortcoming> shortcomings() const override { return lacking; }
  void forget(NodeId id) override {
    allow(id != root() && !at(id).forgotten, "forget");
    at(id).forgotten = true;
    --remembered_;
  }

  Task<Result<NodeId>> make_directory(NodeId parent, const std::string& name,
                                      const Attributes& attributes) override {
    co_await answer("make_directory", name);
    co_return add("make_directory", parent, name, attributes);
  }

  Task<Result<NodeId>> create_file(NodeId parent, const std::string& name,
                                   const Attributes& attributes, std::span<const DataRange> ranges,
                                   std::uint32_t) override {
    co_await answer("create_file", name);
    Result<NodeId> node = add("create_file", parent, name, attributes);
    if (node) at(*node).ranges.assign(ranges.begin(), ranges.end());
    co_return node;
  }

  Task<Status> write(NodeId file, std::uint64_t offset, std::span<const std::byte> data) override {
    Node& node = named(file, "write");
    const bool in_order = offset % 4096 == 0 && offset >= node.written;
    const bool allowed =
        in_order && offset + data.size() <= node.attributes.bytes && !node.finished;
    allow(allowed, "write");
    node.written = offset + data.size();
    writes_most = std::max(writes_most, ++node.writing);
    if (on_write) on_write();
    co_await answer("write", "");
    --node.writing;
    Status status = asked("write", "");
    if (status) node.pieces[offset].assign(reinterpret_cast<const char*>(data.data()), data.size());
    co_return status;
  }

  Task<Status> finish_file(NodeId file) override {
    allow(named(file, "finish_file").writing == 0, "finish_file while it is written");
    co_await answer("finish_file", "");
    at(file).finished = true;
    co_return asked("finish_file", "");
  }

  Task<Status> link(NodeId node, NodeId parent, const std::string& name) override {
    allow(named(node, "link").finished || !S_ISREG(at(node).attributes.mode), "link unfinished");
    co_await answer("link", name);
    Status status = asked("link", name);
    if (!status) co_return status;
    allow(!named(parent, "link").finished, "link into a directory that is complete");
    at(parent).entries.emplace_back(name, node);
    ++at(node).attributes.links;
    co_return Status();
  }

  Task<Result<NodeId>> make_symlink(NodeId parent, const std::string& name,
                                    const std::string& target,
                                    const Attributes& attributes) override {
    co_await answer("make_symlink", name);
    Result<NodeId> node = add("make_symlink", parent, name, attributes);
    if (node) at(*node).target = target;
    co_return node;
  }

  Task<Result<NodeId>> make_special(NodeId parent, const std::string& name,
                                    const Attributes& attributes) override {
    co_await answer("make_special", name);
    co_return add("make_special", parent, name, attributes);
  }

  Task<Status> set_attributes(NodeId node, const Attributes& attributes) override {
    for (const auto& [name, entry] : named(node, "set_attributes").entries)
      allow(at(entry).finished || S_ISLNK(at(entry).attributes.mode) || special(entry),
            "set_attributes before " + name + " is complete");
    co_await answer("set_attributes", "");
    Status status = asked("set_attributes", "");
    if (!status) co_return status;
    Attributes& held = at(node).attributes;
    const std::uint64_t links = held.links;
    const std::uint64_t bytes = held.bytes;
    held = attributes;
    held.links = links;
    held.bytes = bytes;
    at(node).finished = true;
    co_return Status();
  }

  Task<Status> sync() override {
    synced = true;
    co_return asked("sync", "");
  }

  Task<Result<std::vector<DirectoryEntry>>> read_directory(NodeId directory) override {
    co_await answer("read_directory", "");
    std::vector<DirectoryEntry> entries;
    for (const auto& [name, node] : named(directory, "read_directory").entries) {
      entries.push_back({.name = name, .node = node, .mode = at(node).attributes.mode & S_IFMT});
      remember(node);
    }
    std::reverse(entries.begin(), entries.end());  // No order is promised.
    co_return entries;
  }

  Task<Result<Attributes>> read_attributes(NodeId node) override {
    co_await answer("read_attributes", "");
    co_return named(node, "read_attributes").attributes;
  }
  Task<Result<std::string>> read_link(NodeId node) override {
    co_await answer("read_link", "");
    co_return named(node, "read_link").target;
  }

  Task<Result<std::size_t>> read(NodeId file, std::uint64_t offset, std::span<std::byte> data,
                                 std::uint32_t) override {
    co_await answer("read", "");
    const Node& node = named(file, "read");
    allow(node.finished, "read of a file that is not finished");
    if (offset >= node.attributes.bytes) co_return std::size_t{0};
    const std::uint64_t got = std::min<std::uint64_t>(data.size(), node.attributes.bytes - offset);
    std::memset(data.data(), 0, got);
    for (const auto& [start, piece] : node.pieces) {
      const std::uint64_t from = std::max(start, offset);
      const std::uint64_t to = std::min(start + piece.size(), offset + got);
      if (from < to)
        std::memcpy(data.data() + (from - offset), piece.data() + (from - start), to - from);
    }
    if (on_read) on_read(data.first(got));
    co_return std::size_t{got};
  }

  Task<Result<std::vector<DataRange>>> read_data_ranges(NodeId node) override {
    co_await answer("read_data_ranges", "");
    co_return named(node, "read_data_ranges").ranges;
  }

  Task<Status> lock(NodeId node, std::uint64_t offset, std::uint64_t bytes, bool) override {
    if (!has_locks) co_return Error{ErrorKind::refused, EOPNOTSUPP, "lock: memory has no locks"};
    allow(named(node, "lock").finished, "lock of a file that is not finished");
    co_await answer("lock", "");
    Status status = asked("lock", "");
    if (!status) co_return status;
    for (const auto& [held, from, length] : locks_)
      allow(held != node || from + length <= offset || offset + bytes <= from, "locks that overlap");
    locks_.emplace_back(node, offset, bytes);
    co_return Status();
  }
  Task<Status> unlock(NodeId node, std::uint64_t offset, std::uint64_t bytes) override {
    named(node, "unlock");
    co_await answer("unlock", "");
    const auto gone = std::erase(locks_, std::tuple(node, offset, bytes));
    allow(gone == 1, "unlock of what is not locked");
    co_return asked("unlock", "");
  }

  Task<Status> close() override {
    closed = true;
    co_return Status();
  }

 private:
  /// Takes the time that the answer to a verb needs.
  Task<void> answer(const char* verb, const std::string& name) {
    calls_most = std::max(calls_most, ++calls_now);
    verbs.push_back(name.empty() ? verb : verb + (" " + name));
    const bool content = verb == std::string("read") || verb == std::string("write");
    const Duration time = delay_of ? delay_of(verb) : content ? delay : Duration(0);
    if (time.count() > 0) co_await sleep_for(loop_, time);
    --calls_now;
  }

  Node& named(NodeId id, const char* verb) {
    allow(!at(id).forgotten, std::string(verb) + " of a forgotten node");
    return at(id);
  }
  bool special(NodeId id) { return !S_ISREG(at(id).attributes.mode) && !S_ISDIR(at(id).attributes.mode); }
  void allow(bool allowed, const std::string& what) {
    if (!allowed) broken.push_back(what);
  }
  void remember(NodeId id) {
    if (!at(id).forgotten) return;
    at(id).forgotten = false;
    remembered_most = std::max(remembered_most, ++remembered_);
  }

  Status asked(const char* verb, const std::string& name) {
    return refuse ? refuse(verb, name) : Status();
  }

  Result<NodeId> add(const char* verb, NodeId parent, const std::string& name,
                     const Attributes& attributes) {
    Status status = asked(verb, name);
    if (!status) return status.error();
    allow(!named(parent, verb).finished, std::string(verb) + " in a directory that is complete");
    const NodeId id{nodes_.size()};
    Node& node = nodes_.emplace_back();
    node.attributes = attributes;
    node.attributes.links = 1;
    at(parent).entries.emplace_back(name, id);
    remembered_most = std::max(remembered_most, ++remembered_);
    return id;
  }

  Loop& loop_;
  std::deque<Node> nodes_;
  std::uint32_t remembered_ = 0;
  std::vector<std::tuple<NodeId, std::uint64_t, std::uint64_t>> locks_;
};

}  // namespace holdfast::initiator
