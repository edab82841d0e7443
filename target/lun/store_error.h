#pragma once

#include <cstdint>
#include <optional>

#include "common/scsi/sense.h"
#include "target/store/store.h"

namespace holdfast::target {

/// What the initiator is told when the store failed: `error` is the errno of a read, a write or a
/// flush, `lba` the first block concerned, where it is known.
scsi::Sense sense_of_store_error(StoreOperation operation, int error,
                                 std::optional<std::uint64_t> lba);

}  // namespace holdfast::target
