#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "target/store/descriptor_store.h"

namespace holdfast::target {

struct StoreOpenOptions {
  bool read_only = false;
  /// Claim a block device, so that nothing else mounts or claims it meanwhile (O_EXCL).
  bool exclusive = true;
  DescriptorStoreOptions ways;
};

/// Opens what `Type=fileio` serves: a regular file or a block device. The error names the path and
/// says what is wrong with it.
Result<std::unique_ptr<DescriptorStore>> open_file_store(const std::string& path,
                                                         const StoreOpenOptions& options = {});

/// Opens what `Type=blockio` serves: a block device, claimed unless `options` say otherwise.
Result<std::unique_ptr<DescriptorStore>> open_block_store(const std::string& path,
                                                          const StoreOpenOptions& options = {});

}  // namespace holdfast::target
