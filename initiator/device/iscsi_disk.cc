#include "initiator/device/iscsi_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace holdfast::initiator {
namespace {

// With the pauses below, a target that is always busy gets about half a minute.
constexpr int busy_max = 64;
constexpr Duration busy_pause_min = std::chrono::milliseconds(10);
constexpr Duration busy_pause_max = std::chrono::milliseconds(500);
constexpr int at_once_max = 3;  // unit attentions and aborted commands

// SAM-5 table 33.
constexpr int check_condition = 0x02, busy = 0x08, reservation_conflict = 0x18, task_set_full = 0x28,
              task_aborted = 0x40;
// SPC-4 table 43.
constexpr std::uint8_t not_ready = 0x2, illegal_request = 0x5, unit_attention = 0x6, data_protection = 0x7,
                       aborted_command = 0xb;
constexpr std::uint16_t invalid_operation_code = 0x2000;
constexpr std::uint16_t space_allocation_failed = 0x2707;

bool is_busy(const ScsiAnswer& answer) { return answer.status == busy || answer.status == task_set_full; }

bool is_passing(const ScsiAnswer& answer) {
  if (answer.status == task_aborted) return true;
  return answer.status == check_condition &&
         (answer.sense_key == unit_attention || answer.sense_key == aborted_command);
}

}  // namespace

NextAttempt next_attempt(const ScsiAnswer& answer, CommandAttempts& attempts) {
  if (is_busy(answer) && attempts.busy < busy_max) {
    ++attempts.busy;
    return NextAttempt::after_a_pause;
  }
  if (is_passing(answer) && attempts.at_once < at_once_max) {
    ++attempts.at_once;
    return NextAttempt::at_once;
  }
  return NextAttempt::none;
}

Duration busy_pause(const CommandAttempts& attempts) {
  return std::min(busy_pause_min * (1 << std::clamp(attempts.busy - 1, 0, 6)), busy_pause_max);
}

bool is_unknown_command(const ScsiAnswer& answer) {
  return answer.status == check_condition && answer.sense_key == illegal_request &&
         answer.asc_ascq == invalid_operation_code;
}

int errno_of(const ScsiAnswer& answer) {
  if (is_busy(answer) || answer.status == reservation_conflict) return EBUSY;
  if (answer.status != check_condition) return EIO;
  if (answer.asc_ascq == space_allocation_failed) return ENOSPC;
  switch (answer.sense_key) {
    case data_protection: return EROFS;
    case illegal_request: return EINVAL;
    case not_ready: return ENODEV;
    default: return EIO;
  }
}

int refusal_of(const DeviceRequest& request, const LunFacts& facts, std::uint32_t transfer_bytes_max) {
  if (request.operation == DeviceOperation::flush) return 0;
  const std::uint32_t block = facts.block_bytes;
  const bool fits = request.offset <= facts.bytes() && request.bytes <= facts.bytes() - request.offset &&
                    request.offset % block == 0 && request.bytes % block == 0 && request.bytes > 0;
  if (!fits || (carries_data(request) && request.bytes > transfer_bytes_max)) return EINVAL;
  if (request.operation != DeviceOperation::read && facts.write_protected) return EROFS;
  if (request.operation == DeviceOperation::unmap && !facts.unmap) return EOPNOTSUPP;
  return 0;
}

std::uint32_t transfer_bytes_of(const LunFacts& facts, std::uint32_t wanted) {
  if (facts.transfer_blocks_max == 0) return wanted;
  const std::uint64_t most = std::uint64_t{facts.transfer_blocks_max} * facts.block_bytes;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, most));
}

std::map<std::string, std::string> words_of(const LunFacts& facts) {
  return {{"vendor", facts.vendor},
          {"product", facts.product},
          {"revision", facts.revision},
          {"serial", facts.serial},
          {"block_bytes", std::to_string(facts.block_bytes)},
          {"write_cache", facts.write_cache ? "Yes" : "No"},
          {"commands", facts.long_commands ? "16 byte" : "10 byte"}};
}

Task<Result<LunFacts>> probe_disk(Loop& loop, IscsiSession& session, const IscsiUrl& url, Instant deadline) {
  Result<LunFacts> facts = co_await probe_lun(loop, session, url.lun, deadline);
  if (!facts || facts->peripheral_type == 0) co_return facts;
  co_return Error{ErrorKind::refused, ENOTBLK,
                  fmt::format("LUN {} of {} is a {}, not a disk; `holdfast discover {}` lists the disks", url.lun,
                              url.target, peripheral_type_name(facts->peripheral_type),
                              "iscsi://" + url.portal())};
}

}  // namespace holdfast::initiator
