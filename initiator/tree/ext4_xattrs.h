#pragma once

#include <ext2fs/ext2fs.h>
#include <map>
#include <string>

#include "common/base/result.h"

namespace holdfast::initiator {

/// Whether ext4 has a place for attributes of this name, and the kernel would show it again.
Status check_xattr_name(const std::string& name);

/// Gives the inode exactly these attributes: in the inode as far as they fit, else in one block.
Status write_xattrs(ext2_filsys filesystem, ext2_ino_t number,
                    const std::map<std::string, std::string>& xattrs);
Status read_xattrs(ext2_filsys filesystem, ext2_ino_t number,
                   std::map<std::string, std::string>& xattrs);

}  // namespace holdfast::initiator
