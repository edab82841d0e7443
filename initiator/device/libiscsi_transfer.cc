// The commands that a device submits to a libiscsi session.

#include <algorithm>
#include <type_traits>

#include "common/base/check.h"
#include "initiator/device/libiscsi_parts.h"

namespace holdfast::initiator {
namespace {

static_assert(sizeof(scsi_iovec) == sizeof(iovec) && alignof(scsi_iovec) == alignof(iovec));

scsi_task* make_task(const ScsiCommand& command) {
  using Direction = ScsiCommand::Direction;
  std::array<unsigned char, 16> cdb = command.cdb;
  const int direction = command.direction == Direction::read    ? SCSI_XFER_READ
                        : command.direction == Direction::write ? SCSI_XFER_WRITE
                                                                : SCSI_XFER_NONE;
  scsi_task* task = scsi_create_task(static_cast<int>(command.cdb_bytes()), cdb.data(), direction,
                                     static_cast<int>(command.bytes));
  if (task == nullptr) return nullptr;
  // It only reads the pieces' places and lengths.
  auto* pieces = reinterpret_cast<scsi_iovec*>(const_cast<iovec*>(command.memory.data()));
  const int count = static_cast<int>(command.memory.size());
  if (command.direction == Direction::read) scsi_task_set_iov_in(task, pieces, count);
  if (command.direction == Direction::write) scsi_task_set_iov_out(task, pieces, count);
  return task;
}

std::uint32_t bytes_moved(const ScsiCommand& command, const scsi_task& task) {
  if (task.residual_status != SCSI_RESIDUAL_UNDERFLOW) return command.bytes;
  return command.bytes - static_cast<std::uint32_t>(std::min<std::size_t>(task.residual, command.bytes));
}

}  // namespace

ScsiCommand& LibiscsiSession::add_command() {
  Transfer& transfer = *transfers_.emplace_back(std::make_unique<Transfer>());
  transfer.call.owner = &transfer;
  transfer.call.done = [](LibiscsiCall& call) {
    auto& answered = *static_cast<Transfer*>(call.owner);
    scsi_task* task = std::exchange(call.task, nullptr);
    answered.task = nullptr;
    answered.answer = {.status = call.status};
    answered.lost = call.status == SCSI_STATUS_CANCELLED;
    if (task != nullptr) {
      answered.answer.sense_key = static_cast<std::uint8_t>(task->sense.key);
      answered.answer.asc_ascq = static_cast<std::uint16_t>(task->sense.ascq);
      answered.moved = bytes_moved(answered, *task);
      scsi_free_scsi_task(task);
    }
    answered.done(answered);
  };
  return transfer;
}

void LibiscsiSession::submit(ScsiCommand& command) {
  CHECK(!failed());
  auto& transfer = static_cast<Transfer&>(command);
  transfer.moved = 0;
  transfer.lost = false;
  transfer.sent = loop_.now();
  prepare(transfer.call);
  const int address = transfer.lun[0] << 8 | transfer.lun[1];
  scsi_task* task = make_task(transfer);
  if (task != nullptr && iscsi_scsi_command_async(context_, address, task, &answer, nullptr, &transfer.call) == 0) {
    transfer.task = task;
    return queued();
  }
  if (task != nullptr) scsi_free_scsi_task(task);
  transfer.call.outstanding_ = false;
  transfer.call.status = SCSI_STATUS_ERROR;
  parts_->delivery.push(transfer.call);
}

}  // namespace holdfast::initiator
