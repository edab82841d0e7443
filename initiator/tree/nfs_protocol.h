#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/task.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// A server's name for a node: bytes that only it can read.
using NfsHandle = std::string;

/// Which node it is, on every path: two names of one file have the same identity.
struct NfsIdentity {
  std::uint64_t filesystem_major = 0;
  std::uint64_t filesystem_minor = 0;
  std::uint64_t file = 0;
  bool operator==(const NfsIdentity&) const = default;
};

struct NfsIdentityHash {
  std::size_t operator()(const NfsIdentity& identity) const {
    return identity.file * 0x9E37'79B9'7F4A'7C15U + identity.filesystem_major * 31 + identity.filesystem_minor;
  }
};

/// What the server says of a node.
struct NfsFacts {
  Attributes attributes;
  NfsIdentity identity;
};

struct NfsNode {
  NfsHandle handle;
  NfsFacts facts;
};

struct NfsEntry {
  std::string name;
  NfsNode node;
};

/// Which attributes are to be given, and their values.
struct NfsChange {
  Attributes values;
  bool mode = false;
  bool owner = false;
  bool times = false;
  bool size = false;

  bool empty() const { return !mode && !owner && !times && !size; }
};

/// What the server keeps for one file that is open: version 4's share reservation; nothing in
/// version 3.
struct NfsOpen {
  std::array<char, 16> state{};  // stateid4
  std::size_t owner = 0;         // whose it is, within the session
  bool held = false;
};

/// Changes when the server has forgotten what was written but not committed.
using NfsVerifier = std::array<char, 8>;

struct NfsWritten {
  std::uint32_t bytes = 0;
  bool stable = false;  // it is on the medium already
  NfsVerifier verifier{};
  bool sent_again = false;  // a first sending of it, on a connection that broke, may still come
};

struct NfsFinished {
  std::optional<NfsVerifier> verifier;  // of the COMMIT, if one was asked for
  std::optional<NfsFacts> facts;        // after the change
};

struct NfsReadPiece {
  std::size_t bytes = 0;
  bool at_end = false;
};

/// What the server and its filesystem can do.
struct NfsLimits {
  std::uint32_t read_bytes_max = 0;
  std::uint32_t write_bytes_max = 0;
  FileTime time_step;  // times are kept in multiples of this
};

/// A byte-range lock, as the session asks for it.
struct NfsRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// What is locked of one file in the name of the session; made by the first `lock`.
struct NfsLocks {
  NfsOpen open;
  std::array<char, 16> state{};  // of the lock owner
  std::uint64_t owner = 0;       // its number within the session
  std::uint32_t sequence = 0;
  bool known = false;  // the lock owner, to the server
  std::uint64_t count = 0;
};

/// The verbs that both versions of NFS have, each with one or a few calls, nothing remembered in
/// between. Errors: `refused` and `out_of_space` concern the node, every other one the whole session.
/// What the server asks to have asked again later (JUKEBOX, DELAY, GRACE) is asked again.
class NfsProtocol {
 public:
  virtual ~NfsProtocol() = default;

  virtual Task<Result<NfsNode>> look_up(const NfsHandle& parent, const std::string& name) = 0;
  virtual Task<Result<NfsFacts>> get_attributes(const NfsHandle& node) = 0;
  virtual Task<Result<NfsFacts>> set_attributes(const NfsHandle& node, const NfsChange& change) = 0;

  /// Makes a directory, symlink or special node with as much of `change` as the server does at once.
  /// `target` is a symlink's.
  virtual Task<Result<NfsNode>> make(const NfsHandle& parent, const std::string& name, const NfsChange& change,
                                     const std::string& target) = 0;
  /// Makes a regular file and opens it.
  virtual Task<Result<NfsNode>> create(const NfsHandle& parent, const std::string& name, const NfsChange& change,
                                       NfsOpen& open) = 0;
  virtual Task<Result<NfsWritten>> write(const NfsHandle& file, const NfsOpen& open, std::uint64_t offset,
                                         std::span<const std::byte> data, bool stable) = 0;
  virtual Task<Result<NfsVerifier>> commit(const NfsHandle& file) = 0;
  /// Commits what was written, if asked to, changes the attributes, and closes the file.
  virtual Task<Result<NfsFinished>> finish(const NfsHandle& file, NfsOpen& open, bool commit,
                                           const NfsChange& change) = 0;
  virtual Task<Status> link(const NfsHandle& node, const NfsHandle& parent, const std::string& name) = 0;
  virtual Task<Status> remove(const NfsHandle& parent, const std::string& name) = 0;

  virtual Task<Result<std::vector<NfsEntry>>> read_directory(const NfsHandle& directory) = 0;
  virtual Task<Result<std::string>> read_link(const NfsHandle& node) = 0;
  virtual Task<Result<NfsReadPiece>> read(const NfsHandle& file, std::uint64_t offset,
                                          std::span<std::byte> data) = 0;
  virtual Task<Result<NfsLimits>> limits(const NfsHandle& root) = 0;
  virtual Task<Result<std::uint64_t>> free_bytes(const NfsHandle& root) = 0;

  /// Tries once: false if somebody else holds a part of the range.
  virtual Task<Result<bool>> lock(const NfsNode& file, const NfsHandle& parent, const std::string& name,
                                  NfsLocks& locks, const NfsRange& range, bool exclusive) = 0;
  virtual Task<Status> unlock(const NfsNode& file, NfsLocks& locks, const NfsRange& range) = 0;
};

}  // namespace holdfast::initiator
