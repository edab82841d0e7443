#pragma once

#include <nfsc/libnfs-raw-nfs4.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "initiator/tree/nfs4_attributes.h"
#include "initiator/tree/nfs_protocol.h"
#include "initiator/tree/rpc_connection.h"
#include "initiator/tree/xdr.h"

namespace holdfast::initiator {

/// The operations of one call (RFC 7530 section 14.2). What they are given outlives the call.
class Nfs4Compound {
 public:
  static constexpr std::size_t operations_max = 8;

  Nfs4Compound() { operations_.reserve(operations_max); }

  /// An operation's arguments, to be filled in.
  using Arguments = decltype(nfs_argop4::nfs_argop4_u);
  Arguments& add(nfs_opnum4 operation) {
    CHECK(operations_.size() < operations_max);
    operations_.push_back({});
    operations_.back().argop = operation;
    return operations_.back().nfs_argop4_u;
  }

  void put(const NfsHandle& handle) {
    nfs_fh4& object = add(OP_PUTFH).opputfh.object;
    object.nfs_fh4_len = static_cast<u_int>(handle.size());
    object.nfs_fh4_val = const_cast<char*>(handle.data());
  }
  void get_handle() { add(OP_GETFH); }
  void get_attributes(bitmap4 which) { add(OP_GETATTR).opgetattr.attr_request = which; }

  /// Appends the call's arguments. False if they are larger than any name or target may be.
  bool append_to(std::vector<std::byte>& message) {
    COMPOUND4args arguments{};
    arguments.argarray.argarray_len = static_cast<u_int>(operations_.size());
    arguments.argarray.argarray_val = operations_.data();
    return append_xdr(message, zdr_COMPOUND4args, arguments, room);
  }

 private:
  static constexpr std::size_t room = 16 * 1024;
  std::vector<nfs_argop4> operations_;
};

/// The results of a compound, up to the first operation that failed. They point into the reply.
class Nfs4Results {
 public:
  explicit Nfs4Results(const RpcCall& call) : decoded_(call.results, zdr_COMPOUND4res) {
    if (!decoded_.ok()) return;
    const u_int count = std::min<u_int>(decoded_->resarray.resarray_len, Nfs4Compound::operations_max);
    for (u_int i = 0; i < count; ++i) results_.push_back(aligned(decoded_->resarray.resarray_val + i));
  }

  bool ok() const { return decoded_.ok(); }
  std::uint32_t status() const { return decoded_->status; }
  /// The result of `operation`, or nullptr if it was not come to.
  const nfs_resop4* find(nfs_opnum4 operation) const {
    for (const nfs_resop4& result : results_)
      if (result.resop == operation) return &result;
    return nullptr;
  }

 private:
  Decoded<COMPOUND4res> decoded_;
  std::vector<nfs_resop4> results_;
};

inline component4 component_of(const std::string& name) {
  return {.utf8string_len = static_cast<u_int>(name.size()), .utf8string_val = const_cast<char*>(name.data())};
}

inline stateid4 state_of(const std::array<char, 16>& state) {
  stateid4 id{};
  static_assert(sizeof id == 16);
  std::memcpy(&id, state.data(), sizeof id);
  return id;
}

inline std::array<char, 16> state_of(const stateid4& id) {
  std::array<char, 16> state{};
  std::memcpy(state.data(), &id, sizeof id);
  return state;
}

/// The state of nobody (RFC 7530 section 9.1.4.3): READ and SETATTR need no open file.
inline constexpr stateid4 anonymous_state{};

}  // namespace holdfast::initiator
