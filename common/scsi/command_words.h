#pragma once

#include <optional>
#include <string>

#include "common/scsi/cdb.h"

namespace holdfast::scsi {

/// What SPC-4 and SBC-3 call the command: "WRITE(10)"; for one that has no name here its operation
/// code: "operation code c1h".
std::string name_of(const CdbBytes& cdb);

/// The blocks that the command names; nothing if it names none, or is not supported.
std::optional<BlockRange> blocks_of(const CdbBytes& cdb);

/// The name, and the blocks if there are any: "WRITE(10) of 8 blocks at LBA 4096".
std::string words_of(const CdbBytes& cdb);

}  // namespace holdfast::scsi
