#pragma once

#include <nfsc/libnfs-raw-nfs.h>

#include "initiator/tree/nfs_protocol.h"

// Version 3's own values and ours.

namespace holdfast::initiator {

NfsFacts facts_of(const fattr3& from);
sattr3 sattr_of(const NfsChange& change);
/// Points into `handle`.
nfs_fh3 fh_of(const NfsHandle& handle);
NfsHandle handle_of(const nfs_fh3& fh);
/// Points into both.
diropargs3 place_of(const NfsHandle& parent, const std::string& name);
/// Whether version 3 can carry this moment: its seconds are unsigned and have 32 bits.
bool has_place_in_nfs3(const FileTime& time);

}  // namespace holdfast::initiator
