#include "initiator/tree/nfs_status.h"

#include <fmt/format.h>
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>

#include <algorithm>
#include <cerrno>

namespace holdfast::initiator {
namespace {

// The two versions number alike what they both have (RFC 1813 section 2.6, RFC 7530 section 13).
struct Row {
  std::uint32_t status;
  int code;
  ErrorKind kind;
};

constexpr Row rows[] = {
    {1, EPERM, ErrorKind::refused},
    {2, ENOENT, ErrorKind::refused},
    {6, ENXIO, ErrorKind::refused},
    {13, EACCES, ErrorKind::refused},
    {17, EEXIST, ErrorKind::refused},
    {18, EXDEV, ErrorKind::refused},
    {19, ENODEV, ErrorKind::refused},
    {20, ENOTDIR, ErrorKind::refused},
    {21, EISDIR, ErrorKind::refused},
    {22, EINVAL, ErrorKind::refused},
    {27, EFBIG, ErrorKind::refused},
    {28, ENOSPC, ErrorKind::out_of_space},
    {30, EROFS, ErrorKind::system},
    {31, EMLINK, ErrorKind::refused},
    {63, ENAMETOOLONG, ErrorKind::refused},
    {66, ENOTEMPTY, ErrorKind::refused},
    {69, EDQUOT, ErrorKind::out_of_space},
    {70, ESTALE, ErrorKind::system},
    {10004, EOPNOTSUPP, ErrorKind::refused},
    {10007, EOPNOTSUPP, ErrorKind::refused},  // BADTYPE
    {10012, EACCES, ErrorKind::refused},      // LOCKED
    {10015, EACCES, ErrorKind::refused},      // SHARE_DENIED
    {10028, EINVAL, ErrorKind::refused},      // LOCK_RANGE
    {10032, EOPNOTSUPP, ErrorKind::refused},  // ATTRNOTSUPP
    {10039, EINVAL, ErrorKind::refused},      // BADOWNER
    {10040, EINVAL, ErrorKind::refused},      // BADCHAR
    {10041, EINVAL, ErrorKind::refused},      // BADNAME
    {10043, EOPNOTSUPP, ErrorKind::refused},  // LOCK_NOTSUPP
    {10045, EDEADLK, ErrorKind::refused},     // DEADLOCK
};

constexpr std::uint32_t jukebox_or_delay = 10008, grace = 10013;

}  // namespace

Error nfs_error(std::string_view verb, std::uint32_t status, unsigned version) {
  const auto* row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& one) { return one.status == status; });
  const int number = static_cast<int>(status);
  const char* name = version == 3 ? nfsstat3_to_str(number) : nfsstat4_to_str(number);
  const bool known = row != std::end(rows);
  const int code = known ? row->code : EIO;
  return Error{known ? row->kind : ErrorKind::system, code,
               fmt::format("{}: {} ({}{})", verb, std::generic_category().message(code), name,
                           known ? "" : fmt::format(", {}", status))};
}

bool asks_for_patience(std::uint32_t status) { return status == jukebox_or_delay || status == grace; }

Duration patience(unsigned again) {
  return std::min<Duration>(std::chrono::milliseconds(100) * (1 << std::min(again, 5U)), std::chrono::seconds(2));
}

}  // namespace holdfast::initiator
