#include "initiator/tree/nfs3_values.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>

namespace holdfast::initiator {
namespace {

constexpr std::array<std::uint32_t, 8> type_bits = {0,       S_IFREG, S_IFDIR,  S_IFBLK,
                                                    S_IFCHR, S_IFLNK, S_IFSOCK, S_IFIFO};
constexpr std::int64_t seconds_max = 0xFFFF'FFFF;

FileTime time_of(const nfstime3& time) { return {.seconds = time.seconds, .nanoseconds = time.nseconds}; }

/// The nearest moment that can be said.
nfstime3 nfstime_of(const FileTime& time) {
  return {.seconds = static_cast<u_int>(std::clamp<std::int64_t>(time.seconds, 0, seconds_max)),
          .nseconds = has_place_in_nfs3(time) ? time.nanoseconds : 0};
}

}  // namespace

bool has_place_in_nfs3(const FileTime& time) { return time.seconds >= 0 && time.seconds <= seconds_max; }

NfsFacts facts_of(const fattr3& from) {
  NfsFacts facts;
  Attributes& to = facts.attributes;
  const auto type = static_cast<std::size_t>(from.type);
  to.mode = (type < type_bits.size() ? type_bits[type] : 0) | (from.mode & 07777);
  to.uid = from.uid;
  to.gid = from.gid;
  to.accessed = time_of(from.atime);
  to.modified = time_of(from.mtime);
  to.links = from.nlink;
  if (S_ISREG(to.mode)) to.bytes = from.size;
  if (S_ISCHR(to.mode) || S_ISBLK(to.mode)) to.device = makedev(from.rdev.specdata1, from.rdev.specdata2);
  facts.identity = {.filesystem_major = from.fsid, .filesystem_minor = 0, .file = from.fileid};
  return facts;
}

sattr3 sattr_of(const NfsChange& change) {
  sattr3 to{};
  const Attributes& values = change.values;
  if (change.mode) {
    to.mode.set_it = 1;
    to.mode.set_mode3_u.mode = values.mode & 07777;
  }
  if (change.owner) {
    to.uid.set_it = 1;
    to.uid.set_uid3_u.uid = values.uid;
    to.gid.set_it = 1;
    to.gid.set_gid3_u.gid = values.gid;
  }
  if (change.size) {
    to.size.set_it = 1;
    to.size.set_size3_u.size = values.bytes;
  }
  if (change.times) {
    to.atime.set_it = SET_TO_CLIENT_TIME;
    to.atime.set_atime_u.atime = nfstime_of(values.accessed);
    to.mtime.set_it = SET_TO_CLIENT_TIME;
    to.mtime.set_mtime_u.mtime = nfstime_of(values.modified);
  }
  return to;
}

nfs_fh3 fh_of(const NfsHandle& handle) {
  nfs_fh3 fh{};
  fh.data.data_len = static_cast<u_int>(handle.size());
  fh.data.data_val = const_cast<char*>(handle.data());
  return fh;
}

NfsHandle handle_of(const nfs_fh3& fh) { return {fh.data.data_val, fh.data.data_len}; }

diropargs3 place_of(const NfsHandle& parent, const std::string& name) {
  diropargs3 place{};
  place.dir = fh_of(parent);
  place.name = const_cast<char*>(name.c_str());
  return place;
}

}  // namespace holdfast::initiator
