#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/iscsi_session.h"

namespace holdfast::initiator {

/// What a logical unit says of itself.
struct LunFacts {
  std::uint8_t peripheral_type = 0x1f;  // SPC-4 table 141; 0 is a disk
  std::string vendor;
  std::string product;
  std::string revision;
  std::string serial;

  // Disks only.
  std::uint64_t blocks = 0;
  std::uint32_t block_bytes = 0;
  /// READ CAPACITY(16) is known, and with it, by our reckoning, every 16-byte command; else 10-byte
  /// ones are used.
  bool long_commands = false;
  bool write_protected = false;
  bool write_cache = false;  // WCE: a write is on the medium only after SYNCHRONIZE CACHE or with FUA
  bool forced_access = false;  // DPOFUA: the FUA bit may be used
  bool unmap = false;          // LBPU, and UNMAP carries at least one block
  std::uint32_t transfer_blocks_max = 0;  // block limits; 0: the unit names none
  std::uint32_t unmap_blocks_max = 0;

  std::uint64_t bytes() const { return blocks * block_bytes; }
};

/// "disk", "controller", ….
const char* peripheral_type_name(std::uint8_t type);

/// Who it is: INQUIRY and the serial number's page. Fails if there is no such unit.
Task<Result<LunFacts>> identify_lun(IscsiSession& session, std::uint16_t lun, Instant deadline);
/// Identifies it and, if it is a disk, waits until it is ready and measures it.
Task<Result<LunFacts>> probe_lun(Loop& loop, IscsiSession& session, std::uint16_t lun, Instant deadline);

}  // namespace holdfast::initiator
