#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "initiator/tree/nfs_nodes.h"
#include "initiator/tree/nfs_session.h"
#include "initiator/tree/nfs_url.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// What was found while writing that the server does not keep. Reading back does not find it, so both
/// share it.
struct NfsFindings {
  std::string owners;  // why they are not kept; empty if they are; the others likewise
  std::string nanoseconds;
  std::string symlink_times;
};

/// A directory of an NFS server, written as the kernel's client does: data unstable and committed when a
/// file is finished, what fits one WRITE stable at once, and as many calls in flight as the URL says.
class NfsTree final : public Tree {
 public:
  struct Options {
    /// Writing: the directory is made if it is not there, and has to be empty.
    bool writable = false;
    Duration open_deadline = std::chrono::seconds(10);
    std::shared_ptr<NfsFindings> findings = std::make_shared<NfsFindings>();
    /// For so long a server is sought again whose connection broke; zero: it is not.
    Duration reconnect{};
    ReconnectListener* listener = nullptr;  // outlives the tree
  };
  static Task<Result<std::unique_ptr<Tree>>> open(Loop& loop, NfsUrl url, Options options);
  ~NfsTree() override;

  NodeId root() const override { return root_; }
  std::string transport() const override { return "nfs"; }
  std::map<std::string, std::string> negotiated() const override;
  std::string last_error() const override { return last_error_; }
  bool lost() const override;
  WireUse wire() const override { return session_->wire(); }
  std::size_t examine(std::span<ConnectionEvidence> into) const override;
  std::optional<PeerDoor> door() const override { return session_->connection().door(); }
  std::vector<Shortcoming> shortcomings() const override;
  std::uint32_t concurrency() const override { return session_->url().requests; }
  std::uint64_t free_bytes() const override { return free_bytes_; }

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

  void abandon() override;
  Task<Status> close() override;

 private:
  NfsTree(std::unique_ptr<NfsSession> session, Options options);
  Task<Status> begin();
  Task<Status> begin_writing();
  Task<Status> probe();
  Task<Status> probe_file(const std::string& name);
  Task<Status> probe_symlink(const std::string& name);
  Task<Status> use_probe(NfsNode probe, NfsOpen open);

  /// The node of a caller's number, or an error that names `verb`.
  Result<NfsTreeNode*> node_at(NodeId id, const char* verb);
  /// Remembers an error, and for good one that is the session's.
  Error noted(const Error& error);
  Task<Result<NodeId>> make_node(NodeId parent, const std::string& name, const std::string& target,
                                 const Attributes& attributes);
  NfsChange difference(const NfsFacts& facts, const Attributes& wanted, bool times) const;
  Task<Status> settle(const NfsHandle& handle, NfsFacts facts, const Attributes& wanted, bool times);
  void note_what_is_not_kept(const NfsFacts& facts, const Attributes& wanted, bool times);

  Task<Status> write_piece(const NfsHandle& handle, NfsOpenFile& file, std::uint64_t offset,
                           std::span<const std::byte> data);
  Task<void> write_beside(const NfsHandle& handle, NfsOpenFile& file, std::uint64_t offset,
                          std::span<const std::byte> data, Status& status);
  Task<Status> finish(NfsTreeNode& node);
  Task<Status> commit_open_files();
  Task<Result<std::size_t>> read_piece(const NfsHandle& handle, std::uint64_t offset, std::span<std::byte> data);
  Task<void> read_beside(const NfsHandle& handle, std::uint64_t offset, std::span<std::byte> data,
                         Result<std::size_t>& result);
  /// What has that name after a request was sent twice is what the first sending made, if it is of that
  /// kind: nobody else makes anything in our directory, which was empty.
  Task<Result<NfsNode>> made_before(const NfsHandle& parent, const std::string& name, std::uint32_t mode, Error error);
  bool came_back_since(std::uint32_t reconnects) const { return session_->connection().reconnects() != reconnects; }
  Task<Result<bool>> try_lock(NfsTreeNode& node, NfsRange range, bool exclusive);

  std::unique_ptr<NfsSession> session_;
  NfsProtocol& protocol_;
  const Options options_;
  NfsNodes nodes_;
  NodeId root_{};
  NfsLimits limits_;
  std::uint64_t free_bytes_ = 0;
  std::optional<Error> failure_;
  std::string last_error_;
};

}  // namespace holdfast::initiator
