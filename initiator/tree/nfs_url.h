#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/units.h"

namespace holdfast::initiator {

/// A directory of an NFS server: nfs://host[:port]/path[?key=value&…], as libnfs writes it.
struct NfsUrl {
  std::string host;
  std::string path;  // begins with '/', without one at its end
  unsigned version = 4;
  /// Zero: rpcbind is asked (version 3), or 2049 (version 4).
  std::uint16_t nfs_port = 0;
  /// Of mountd, which only version 3 needs. Zero: rpcbind is asked.
  std::uint16_t mount_port = 0;
  /// Who we say that we are; our own identity if not given.
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  /// How many calls may be in flight at once.
  std::uint32_t requests = 64;
  /// The most that one READ or WRITE carries, if the server does not want less.
  std::uint32_t transfer_bytes = 1 * MiB;

  static Result<NfsUrl> parse(std::string_view text);
  std::string to_string() const;
  /// The path's components.
  std::vector<std::string> components() const;
};

}  // namespace holdfast::initiator
