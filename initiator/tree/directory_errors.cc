#include "initiator/tree/directory_errors.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace holdfast::initiator {
namespace {

/// What a filesystem says of one name, one value or one size that it will not have.
constexpr std::array of_the_node = {EACCES,  EPERM,        EEXIST,  EINVAL, ELOOP,  EMLINK,    ENAMETOOLONG, ENODATA,
                                    ENODEV,  ENXIO,        EILSEQ,  EDOM,   ERANGE, EOPNOTSUPP, EXDEV,       EOVERFLOW,
                                    ENOTDIR, EISDIR,       ENOLCK,  EDEADLK};
constexpr std::array too_much = {ENOSPC, EDQUOT, EFBIG, E2BIG};
/// The server of the mount has gone: FUSE says the first two, NFS the others.
constexpr std::array server_gone = {ENOTCONN, ECONNABORTED, ESTALE, ESHUTDOWN, ETIMEDOUT, ECONNRESET, EHOSTDOWN};

template <typename Codes>
bool is_among(const Codes& codes, int code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

}  // namespace

Error directory_error(int code, const std::string& doing) {
  Error error = Error::from_errno(code, doing);
  if (is_among(of_the_node, code)) error.kind = ErrorKind::refused;
  if (is_among(too_much, code)) error.kind = ErrorKind::out_of_space;
  if (is_among(server_gone, code)) error.kind = ErrorKind::peer_closed;
  return error;
}

}  // namespace holdfast::initiator
