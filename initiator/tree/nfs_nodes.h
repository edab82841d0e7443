#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/runtime/event.h"
#include "initiator/tree/nfs_protocol.h"

namespace holdfast::initiator {

/// A file that is being written.
struct NfsOpenFile {
  Attributes wanted;  // of the finished file, without xattrs
  NfsFacts facts;     // as it was made
  NfsOpen open;
  bool at_once = false;  // one WRITE holds all of it, and so is asked to be stable
  bool wrote = false;
  std::uint64_t written_end = 0;

  /// Something was written that needs a COMMIT, and under which verifier.
  bool uncommitted = false;
  std::optional<NfsVerifier> verifier;
  bool forgotten = false;  // the verifier has changed since

  /// Where a write may still land that was sent before a connection broke, and since then again.
  std::vector<DataRange> lingering;

  void note(const NfsWritten& written) {
    if (written.stable) return;
    uncommitted = true;
    note(written.verifier);
  }
  void note(const NfsVerifier& now) {
    forgotten |= verifier && *verifier != now;
    verifier = now;
  }
};

/// What is locked of a file. Its requests go one after the other.
struct NfsFileLocks {
  NfsLocks locks;
  bool busy = false;
  Event idle;
};

struct NfsTreeNode {
  NfsNode node;
  /// Where a file stands, for version 4's open, which takes a name.
  NfsHandle parent;
  std::string name;
  std::unique_ptr<NfsOpenFile> open;
  std::unique_ptr<NfsFileLocks> locks;
};

/// The nodes that the tree's users know, by number and by identity.
class NfsNodes {
 public:
  NodeId add(NfsNode node, const NfsHandle& parent, const std::string& name) {
    const auto known = by_identity_.find(node.facts.identity);
    if (known != by_identity_.end()) return known->second;
    const NodeId id{++last_};
    by_identity_.emplace(node.facts.identity, id);
    NfsTreeNode& made = nodes_[id];
    made.node = std::move(node);
    if (!S_ISREG(made.node.facts.attributes.mode)) return id;
    made.parent = parent;
    made.name = name;
    return id;
  }
  NfsTreeNode* find(NodeId id) {
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? nullptr : &found->second;
  }
  void forget(NodeId id) {
    const auto found = nodes_.find(id);
    if (found == nodes_.end()) return;
    by_identity_.erase(found->second.node.facts.identity);
    nodes_.erase(found);
  }
  std::unordered_map<NodeId, NfsTreeNode>& all() { return nodes_; }

 private:
  std::uint64_t last_ = 0;
  std::unordered_map<NodeId, NfsTreeNode> nodes_;
  std::unordered_map<NfsIdentity, NodeId, NfsIdentityHash> by_identity_;
};

}  // namespace holdfast::initiator
