#include "initiator/tree/ext4_library.h"

#include <cerrno>
#include <et/com_err.h>

namespace holdfast::initiator {

Error ext4_error(errcode_t code, const std::string& doing) {
  static const bool tables_loaded = (::initialize_ext2_error_table(), true);
  static_cast<void>(tables_loaded);
  // Codes below com_err's first table are the system's own.
  if (code > 0 && code < 256) return Error::from_errno(static_cast<int>(code), doing);
  const std::string message = doing + ": " + ::error_message(code);
  switch (code) {
    case EXT2_ET_BLOCK_ALLOC_FAIL:
    case EXT2_ET_INODE_ALLOC_FAIL:
    case EXT2_ET_EA_NO_SPACE:
      return Error{ErrorKind::out_of_space, ENOSPC, message};
    case EXT2_ET_NO_MEMORY:
      return Error{ErrorKind::system, ENOMEM, message};
    default:
      return Error{ErrorKind::invalid_input, EIO, message};
  }
}

}  // namespace holdfast::initiator
