#pragma once

#include <memory>

#include "initiator/tree/nfs_locks3.h"
#include "initiator/tree/nfs_protocol.h"
#include "initiator/tree/rpc_connection.h"
#include "initiator/tree/xdr.h"

namespace holdfast::initiator {

/// NFS version 3 (RFC 1813). Locks go to the lock manager, a program of its own.
class Nfs3 final : public NfsProtocol {
 public:
  /// `connection` outlives it. Without `locks`, locking is refused.
  Nfs3(RpcConnection& connection, NfsLocks3& locks) : connection_(connection), locks_(locks) {}

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
  /// Encodes, sends, asks again while the server is busy, and checks that the answer has a status.
  template <typename Arguments>
  Task<Status> call(RpcCall& call, std::uint32_t procedure, XdrFunction<Arguments> function, Arguments& arguments,
                    const char* verb);
  Task<Status> send(RpcCall& call, const char* verb);
  /// The node that a call has made; what the answer leaves out is asked for.
  Task<Result<NfsNode>> complete(const NfsHandle& parent, const std::string& name, NfsNode node, bool whole);
  Task<Status> read_directory_from(const NfsHandle& directory, std::uint64_t& cookie, std::string& verifier,
                                   bool& at_end, std::vector<NfsEntry>& entries);

  RpcConnection& connection_;
  NfsLocks3& locks_;
};

}  // namespace holdfast::initiator
