#pragma once

#include <cstdint>

// What the CDBs of block commands (SBC-3 section 5) ask for.

namespace holdfast::scsi {

/// The blocks that a command names, and which bytes of its CDB name them.
struct BlockRange {
  std::uint64_t lba = 0;
  std::uint32_t blocks = 0;
  std::uint8_t lba_field = 0;
  std::uint8_t blocks_field = 0;
};

struct ReadCapacity10 {};

struct ReadCapacity16 {
  std::uint32_t allocation_bytes = 0;
};

struct Read {  // 5.11 to 5.14
  BlockRange range;
  bool force_unit_access = false;
};

struct Write {  // 5.32 to 5.35
  BlockRange range;
  bool force_unit_access = false;
};

/// BYTCHK: what of the Data-Out Buffer the medium is compared with.
enum class ByteCheck : std::uint8_t { none = 0, all = 1, one_block = 3 };

struct Verify {  // 5.26 to 5.28
  BlockRange range;
  ByteCheck byte_check = ByteCheck::none;
};

struct WriteAndVerify {  // 5.36 to 5.38
  BlockRange range;
  ByteCheck byte_check = ByteCheck::none;
};

struct CompareAndWrite {  // 5.2
  BlockRange range;
  bool force_unit_access = false;
};

struct OrWrite {  // 5.9
  BlockRange range;
  bool force_unit_access = false;
};

struct WriteAtomic {  // SBC-4 5.48
  BlockRange range;
  bool force_unit_access = false;
  std::uint16_t boundary_blocks = 0;  // ATOMIC BOUNDARY; 0: the whole of it is one
};

struct WriteSame {   // 5.40 to 5.42
  BlockRange range;  // no blocks means all from the LBA on
  bool unmap = false;
  bool anchor = false;
  bool no_data_out = false;      // NDOB: zeros
  std::uint8_t flags_field = 1;  // the byte with UNMAP and ANCHOR
};

struct Unmap {  // 5.25
  bool anchor = false;
  std::uint16_t parameter_bytes = 0;
};

struct GetLbaStatus {  // 5.5
  std::uint64_t lba = 0;
  std::uint32_t allocation_bytes = 0;
};

struct PreFetch {  // 5.7, 5.8; no blocks means all from the LBA on
  BlockRange range;
  bool immediate = false;
};

struct SynchronizeCache {  // 5.22, 5.23; no blocks means all from the LBA on
  BlockRange range;
  bool immediate = false;
};

struct ReadDefectData {  // 5.17, 5.18
  bool twelve = false;
  bool primary_list = false;
  bool grown_list = false;
  std::uint8_t format = 0;
  std::uint32_t allocation_bytes = 0;
};

struct StartStopUnit {  // 5.21
  // POWER CONDITIONs. Those that force timers are not here: there are no such timers.
  static constexpr std::uint8_t active = 1, idle = 2, standby = 3, unit_control = 7;
  bool immediate = false;
  bool no_flush = false;
  bool load_eject = false;
  bool start = false;
  std::uint8_t power_condition = 0;
};

struct FormatUnit {              // 5.3
  bool with_list = false;        // FMTDATA
  bool long_list = false;        // LONGLIST
  bool complete_list = false;    // CMPLST
  std::uint8_t list_format = 0;  // DEFECT LIST FORMAT
};

struct Sanitize {  // 5.20
  enum class Action : std::uint8_t {
    overwrite = 0x01,
    block_erase = 0x02,
    exit_failure_mode = 0x1f,
  };
  Action action = Action::overwrite;
  bool immediate = false;
  bool allow_unrestricted_exit = false;  // AUSE
  std::uint16_t parameter_bytes = 0;
};

struct PreventAllowMediumRemoval {  // 5.10
  bool prevent = false;
};

}  // namespace holdfast::scsi
