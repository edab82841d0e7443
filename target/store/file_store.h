#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "target/store/descriptor_store.h"

namespace holdfast::target {

struct StoreOpenOptions {
  bool read_only = false;
  /// Past the page cache (O_DIRECT): what is read and written goes between the device and the command's
  /// memory. The error says so where the filesystem has no such way.
  bool direct = false;
  /// Find out whether it could be served, without getting in the way of who serves it now: it is
  /// opened read-only and not claimed, and whether it could be written is asked for.
  bool only_look = false;
  DescriptorStoreOptions ways = {};
};

/// Opens what `Type=fileio` serves: a regular file or a block device. The error names the path and
/// says what is wrong with it.
Result<std::unique_ptr<DescriptorStore>> open_file_store(const std::string& path,
                                                         const StoreOpenOptions& options = {});

/// Opens what `Type=blockio` serves: a block device. It is claimed (O_EXCL), so that nothing mounts
/// it or claims it, too, while it is served.
Result<std::unique_ptr<DescriptorStore>> open_block_store(const std::string& path,
                                                          const StoreOpenOptions& options = {});

/// What `path` leads to, without opening it. Absent where that cannot be found out.
std::optional<StoreIdentity> identify_store(const std::string& path);

/// True when a block device is claimed: mounted, say, or served by another daemon.
bool is_claimed(const std::string& path);

}  // namespace holdfast::target
