#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace holdfast::initiator {

/// Who asks, as AUTH_SYS says it (RFC 5531 appendix A).
struct RpcCredential {
  std::string machine;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;

  static RpcCredential own();
};

/// A remote program, by its number and version.
struct RpcProgram {
  std::uint32_t number = 0;
  std::uint32_t version = 0;
  const char* name = "";  // for people: "NFS", "mountd"
};

inline constexpr RpcProgram portmap_program{100000, 2, "rpcbind"};
inline constexpr RpcProgram nfs3_program{100003, 3, "NFS version 3"};
inline constexpr RpcProgram nfs4_program{100003, 4, "NFS version 4"};
inline constexpr RpcProgram mount_program{100005, 3, "mountd"};
inline constexpr RpcProgram lock_program{100021, 4, "the lock manager"};

/// A record's length and whether it is the last fragment of its message (RFC 5531 section 11).
inline constexpr std::size_t record_mark_bytes = 4;
inline constexpr std::uint32_t last_fragment = 0x8000'0000;

/// Appends room for a record mark and the head of a call, up to its arguments.
void append_call(std::vector<std::byte>& message, std::uint32_t xid, const RpcProgram& program,
                 std::uint32_t procedure, const RpcCredential& credential);
void append_be32(std::vector<std::byte>& message, std::uint32_t value);
/// Appends a length, the bytes, and zeros up to a multiple of four.
void append_opaque(std::vector<std::byte>& message, std::span<const std::byte> bytes);

/// The transaction that a reply answers; a message too short or not a reply is an error.
Result<std::uint32_t> reply_xid(std::span<const std::byte> reply);
/// What follows the head of an accepted and successful reply: the results. Everything else is an
/// error that says why, in the words of RFC 5531 section 9.
Result<std::span<std::byte>> reply_results(std::span<std::byte> reply);

}  // namespace holdfast::initiator
