#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "initiator/tree/nfs4_attributes.h"
#include "initiator/tree/nfs4_compound.h"
#include "initiator/tree/nfs_protocol.h"
#include "initiator/tree/rpc_connection.h"

namespace holdfast::initiator {

/// NFS version 4.0 (RFC 7530). Its server keeps who has which file open and locked for as long as the
/// client keeps saying that it is there, which this does while the connection lives.
class Nfs4 final : public NfsProtocol {
 public:
  /// `connection` outlives it, and is closed before this is destroyed.
  Nfs4(Loop& loop, RpcConnection& connection);
  ~Nfs4() override;

  /// Tells the server who we are.
  Task<Status> introduce();
  /// The root of all that the server offers.
  Task<Result<NfsNode>> root();
  std::uint32_t lease_seconds() const { return lease_seconds_; }

  Task<Result<NfsNode>> look_up(const NfsHandle& parent, const std::string& name) override;
  Task<Result<NfsFacts>> get_attributes(const NfsHandle& node) override;
  Task<Result<NfsFacts>> set_attributes(const NfsHandle& node, const NfsChange& change) override;
  Task<Result<NfsNode>> make(const NfsHandle& parent, const std::string& name, const NfsChange& change,
                             const std::string& target) override;
  Task<Result<NfsNode>> create(const NfsHandle& parent, const std::string& name, const NfsChange& change,
                               NfsOpen& open) override;
  Task<Result<NfsWritten>> write(const NfsHandle& file, const NfsOpen& open, std::uint64_t offset,
                                 std::span<const std::byte> data, bool stable) override;
  Task<Result<NfsVerifier>> commit(const NfsHandle& file) override;
  Task<Result<NfsFinished>> finish(const NfsHandle& file, NfsOpen& open, bool commit,
                                   const NfsChange& change) override;
  Task<Status> link(const NfsHandle& node, const NfsHandle& parent, const std::string& name) override;
  Task<Status> remove(const NfsHandle& parent, const std::string& name) override;

  Task<Result<std::vector<NfsEntry>>> read_directory(const NfsHandle& directory) override;
  Task<Result<std::string>> read_link(const NfsHandle& node) override;
  Task<Result<NfsReadPiece>> read(const NfsHandle& file, std::uint64_t offset, std::span<std::byte> data) override;
  Task<Result<NfsLimits>> limits(const NfsHandle& root) override;
  Task<Result<std::uint64_t>> free_bytes(const NfsHandle& root) override;

  Task<Result<bool>> lock(const NfsNode& file, const NfsHandle& parent, const std::string& name, NfsLocks& locks,
                          const NfsRange& range, bool exclusive) override;
  Task<Status> unlock(const NfsNode& file, NfsLocks& locks, const NfsRange& range) override;

 private:
  class Renewal;
  /// In whose name a file is open. The server counts each one's requests, so that each has one under
  /// way at a time, and there are as many as files are open.
  struct OpenOwner {
    std::string name;
    std::uint32_t sequence = 0;
    bool busy = false;
  };
  /// How a file is to be opened.
  struct Opening {
    const NfsHandle& parent;
    const std::string& name;
    const NfsChange* change;  // of a file that is made
    std::uint32_t access;
  };

  Task<Status> send_once(RpcCall& call, Nfs4Compound& compound, const char* verb);
  /// With patience; only for compounds in which nothing is counted.
  Task<Status> send(RpcCall& call, Nfs4Compound& compound, const char* verb);
  Result<NfsNode> node_of(const Nfs4Results& results, const char* verb);
  Result<Nfs4Values> values_of(const Nfs4Results& results, const char* verb);

  std::size_t take_owner();
  void count(std::uint32_t& sequence, std::uint32_t status) const;
  Task<Result<NfsNode>> open(Opening opening, NfsOpen& open);
  Task<Result<NfsNode>> open_once(const Opening& opening, NfsOpen& open, bool& later, bool& confirm);
  Task<Status> confirm(const NfsHandle& file, NfsOpen& open);
  Task<Status> finish_once(const NfsHandle& file, NfsOpen& open, bool commit, const NfsChange& change,
                           NfsFinished& finished, bool& later);
  void note_close(const Nfs4Results& results, NfsOpen& open);
  Task<Status> close(const NfsHandle& file, NfsOpen& open);
  Task<Result<bool>> lock_open(const NfsNode& file, NfsLocks& locks, const NfsRange& range, bool exclusive);
  Task<Status> read_directory_from(const NfsHandle& directory, std::uint64_t& cookie, std::string& verifier,
                                   bool& at_end, std::vector<NfsEntry>& entries);

  Loop& loop_;
  RpcConnection& connection_;
  Nfs4Owners owners_;
  std::uint64_t client_ = 0;
  std::uint32_t lease_seconds_ = 0;
  std::vector<std::unique_ptr<OpenOwner>> open_owners_;
  std::uint64_t lock_owners_ = 0;
  std::unique_ptr<Renewal> renewal_;
};

}  // namespace holdfast::initiator
