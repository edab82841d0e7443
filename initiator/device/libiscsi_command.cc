// The conversations of a libiscsi session: one SCSI command or text request at a time.

#include <fmt/format.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include <cerrno>
#include <utility>

#include "initiator/device/libiscsi_session.h"

namespace holdfast::initiator {

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
