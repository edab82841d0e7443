// The conversations of a libiscsi session: one SCSI command or text request at a time.

#include <fmt/format.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "initiator/device/libiscsi_session.h"

namespace holdfast::initiator {
namespace {

// A target has a few unit attentions for a new nexus at most; one that never runs out of them is
// not usable.
constexpr int unit_attentions_max = 16;

const char* status_name(int status) {
  switch (status) {
    case SCSI_STATUS_GOOD: return "GOOD";
    case SCSI_STATUS_CHECK_CONDITION: return "CHECK CONDITION";
    case SCSI_STATUS_CONDITION_MET: return "CONDITION MET";
    case SCSI_STATUS_BUSY: return "BUSY";
    case SCSI_STATUS_RESERVATION_CONFLICT: return "RESERVATION CONFLICT";
    case SCSI_STATUS_TASK_SET_FULL: return "TASK SET FULL";
    case SCSI_STATUS_ACA_ACTIVE: return "ACA ACTIVE";
    case SCSI_STATUS_TASK_ABORTED: return "TASK ABORTED";
    case SCSI_STATUS_CANCELLED: return "cancelled";
    case SCSI_STATUS_TIMEOUT: return "timed out";
    default: return "rejected or not understood";
  }
}

/// SPC-4 table 43.
constexpr std::array<const char*, 16> sense_key_names = {
    "NO SENSE",       "RECOVERED ERROR", "NOT READY",    "MEDIUM ERROR", "HARDWARE ERROR",  "ILLEGAL REQUEST",
    "UNIT ATTENTION", "DATA PROTECT",    "BLANK CHECK",  "VENDOR SPECIFIC", "COPY ABORTED", "ABORTED COMMAND",
    "RESERVED",       "VOLUME OVERFLOW", "MISCOMPARE",   "COMPLETED"};

}  // namespace

std::string scsi_words(int status, std::uint8_t sense_key, std::uint16_t asc_ascq) {
  if (status != SCSI_STATUS_CHECK_CONDITION) return status_name(status);
  const char* additional = scsi_sense_ascq_str(asc_ascq);  // null for most
  return fmt::format("{} ({:x}h), {}{}{:02x}h/{:02x}h", sense_key_names[sense_key & 0x0f], sense_key,
                     additional == nullptr ? "" : additional, additional == nullptr ? "" : " ", asc_ascq >> 8,
                     asc_ascq & 0xff);
}

std::uint64_t ScsiReply::number(std::size_t offset, std::size_t bytes) const {
  if (offset + bytes > data.size()) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | data[offset + i];
  return value;
}

std::string ScsiReply::text(std::size_t offset, std::size_t bytes) const {
  std::string found;
  for (std::size_t i = offset; i < std::min(offset + bytes, data.size()); ++i)
    found += data[i] >= ' ' && data[i] <= '~' ? static_cast<char>(data[i]) : ' ';
  const std::size_t first = found.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return found.substr(first, found.find_last_not_of(' ') - first + 1);
}

std::string ScsiReply::words() const { return scsi_words(status, sense_key, asc_ascq); }

ScsiReply LibiscsiSession::take_reply() {
  ScsiReply reply;
  reply.status = call_.status;
  scsi_task* task = std::exchange(call_.task, nullptr);
  if (task == nullptr) return reply;
  if (reply.status == SCSI_STATUS_CHECK_CONDITION) {
    reply.sense_key = static_cast<std::uint8_t>(task->sense.key);
    reply.asc_ascq = static_cast<std::uint16_t>(task->sense.ascq);
  } else if (task->datain.data != nullptr && task->datain.size > 0) {
    reply.data.assign(task->datain.data, task->datain.data + task->datain.size);
  }
  scsi_free_scsi_task(task);
  return reply;
}

Task<Result<ScsiReply>> LibiscsiSession::send_once(std::uint16_t lun, std::span<const std::uint8_t> cdb,
                                                   std::uint32_t bytes, Instant deadline) {
  if (failed()) co_return failure_;
  std::vector<unsigned char> copy(cdb.begin(), cdb.end());
  scsi_task* task = scsi_create_task(static_cast<int>(copy.size()), copy.data(),
                                     bytes == 0 ? SCSI_XFER_NONE : SCSI_XFER_READ, static_cast<int>(bytes));
  begin_conversation();
  const int started =
      task == nullptr ? -1
                      : iscsi_scsi_command_async(context_, lun_address(lun), task, &answer, nullptr, &call_);
  if (started != 0) {
    end_conversation();
    if (task != nullptr) scsi_free_scsi_task(task);
    Error error{ErrorKind::system, EIO, library_words()};
    fail(error);
    co_return error;
  }
  queued();
  Status answered = co_await converse(deadline);
  if (!answered) co_return doing("send a command to", answered.error());
  co_return take_reply();
}

Task<Result<ScsiReply>> LibiscsiSession::command(std::uint16_t lun, std::vector<std::uint8_t> cdb,
                                                 std::uint32_t bytes, Instant deadline) {
  for (int attempt = 0;; ++attempt) {
    Result<ScsiReply> reply = co_await send_once(lun, cdb, bytes, deadline);
    if (!reply || attempt == unit_attentions_max) co_return reply;
    const bool attention =
        reply->status == SCSI_STATUS_CHECK_CONDITION && reply->sense_key == SCSI_SENSE_UNIT_ATTENTION;
    const bool busy = reply->status == SCSI_STATUS_BUSY || reply->status == SCSI_STATUS_TASK_SET_FULL;
    if (!attention && !busy) co_return reply;
    if (busy) co_await sleep_for(loop_, std::chrono::milliseconds(100));
  }
}

Task<Result<std::vector<DiscoveredTarget>>> LibiscsiSession::send_targets(Instant deadline) {
  if (failed()) co_return failure_;
  discovered_.clear();
  begin_conversation();
  if (iscsi_discovery_async(context_, &discovered, &call_) != 0) {
    end_conversation();
    Error error{ErrorKind::protocol, EPROTO, library_words()};
    fail(error);
    co_return error;
  }
  queued();
  Status answered = co_await converse(deadline);
  if (!answered) co_return doing("ask for the targets of", answered.error());
  if (call_.status != SCSI_STATUS_GOOD)
    co_return Error{ErrorKind::refused, EPROTO, fmt::format("SendTargets to {}: {}", portal_, library_words())};
  co_return std::move(discovered_);
}

}  // namespace holdfast::initiator
