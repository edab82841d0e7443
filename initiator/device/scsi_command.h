#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/iscsi/pdu.h"

namespace holdfast::initiator {

/// What a SCSI command came to.
struct ScsiAnswer {
  int status = 0;  // SAM-5
  std::uint8_t sense_key = 0;
  std::uint16_t asc_ascq = 0;
};

/// One SCSI command with its data and its answer, whichever engine carries it. Its session makes it, and
/// whoever submits it keeps his hands off it until `done` was called.
class ScsiCommand {
 public:
  enum class Direction : std::uint8_t { none, read, write };

  ScsiCommand() = default;
  ScsiCommand(const ScsiCommand&) = delete;
  ScsiCommand& operator=(const ScsiCommand&) = delete;

  // The question.
  iscsi::LunBytes lun{};
  std::array<std::uint8_t, 16> cdb{};
  Direction direction = Direction::none;
  std::uint32_t bytes = 0;
  std::span<const iovec> memory{};
  std::uint64_t offset = 0;  // in bytes, for those who ask what is under way
  /// Called once, from the loop and never from inside `IscsiSession::submit`.
  void (*done)(ScsiCommand&) = nullptr;
  void* owner = nullptr;

  // The answer, unless the session has failed.
  ScsiAnswer answer;
  /// Bytes that the target moved, by its own word and by what came.
  std::uint32_t moved = 0;
  /// There is no answer: the session failed first.
  bool lost = false;

  /// The length of its CDB, which the operation code tells (SPC-4 section 4.2.5.1).
  std::size_t cdb_bytes() const {
    constexpr std::size_t by_group[] = {6, 10, 10, 16, 16, 12, 16, 16};
    return by_group[cdb[0] >> 5];
  }

 protected:
  ~ScsiCommand() = default;
};

}  // namespace holdfast::initiator
