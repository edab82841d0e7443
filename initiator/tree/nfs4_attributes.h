#pragma once

#include <nfsc/libnfs-raw-nfs4.h>

#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "initiator/tree/nfs_protocol.h"

// Version 4 carries attributes as a bitmap of which there are and their values in the bitmap's order,
// all in one opaque (RFC 7530 section 3.3.6). libnfs moves the opaque; what is in it is read here.

namespace holdfast::initiator {

/// Which attributes are asked for: of a node, of a directory's entries, of the filesystem.
bitmap4 node_attributes();
bitmap4 entry_attributes();
bitmap4 filesystem_attributes();

/// What attributes may say, as far as we ask for it.
struct Nfs4Values {
  NfsFacts facts;
  NfsHandle handle;
  std::uint64_t space_available = 0;
  std::uint64_t read_bytes_max = 0;
  std::uint64_t write_bytes_max = 0;
  std::uint32_t lease_seconds = 0;
  FileTime time_step;
};

/// User and group names to numbers. Most servers send numbers; names are looked up once each.
class Nfs4Owners {
 public:
  std::uint32_t user(const std::string& text);
  std::uint32_t group(const std::string& text);

 private:
  std::map<std::string, std::uint32_t> users_;
  std::map<std::string, std::uint32_t> groups_;
};

/// Reads what a server sent. An attribute that was not asked for, or one cut short, is an error.
Result<Nfs4Values> read_attributes(const fattr4& attributes, Nfs4Owners& owners);

/// A change as version 4 sends it; it has to outlive what `get` returns.
class Nfs4Change {
 public:
  explicit Nfs4Change(const NfsChange& change);
  fattr4 get() const;

 private:
  std::vector<std::uint32_t> mask_;
  std::vector<std::byte> values_;
};

}  // namespace holdfast::initiator
