// What a native session can say of its path when it is asked.

#include "common/base/serial_number.h"
#include "initiator/device/iscsi_hello.h"
#include "initiator/device/native/native_session.h"

namespace holdfast::initiator {
namespace {

OwedRequest owed(const NativeCommand& command) {
  OwedRequest request;
  request.tag = command.initiator_task_tag;
  request.sent = command.sent;
  request.offset = command.offset;
  request.bytes = command.bytes;
  request.cdb = command.cdb;
  request.cdb_bytes = static_cast<std::uint8_t>(command.cdb_bytes());
  request.cmd_sn = command.cmd_sn;
  return request;
}

}  // namespace

ConnectionEvidence NativeSession::evidence() const {
  ConnectionEvidence evidence;
  evidence.id = id_;
  evidence.tcp = failed_ ? tcp_at_end_ : tcp_state(in_.fd.get());
  evidence.failed = failed_;
  evidence.failure = failed_ ? failure_.code : 0;
  const NativeCommand* oldest = nullptr;
  std::uint32_t r2ts = 0;
  std::uint64_t bytes_owed = 0;
  for (const NativeCommand* command : commands_) {
    if (command == nullptr) continue;
    ++evidence.owed;
    if (command->state == NativeCommand::State::waiting) ++evidence.waiting;
    if (command->state != NativeCommand::State::under_way) continue;
    r2ts += command->r2ts_open();
    bytes_owed += command->bytes_owed();
    if (oldest == nullptr || serial_precedes(command->cmd_sn, oldest->cmd_sn)) oldest = command;
  }
  if (oldest != nullptr) evidence.oldest = owed(*oldest);
  evidence.window_closed = evidence.waiting > 0 && serial_precedes(max_cmd_sn_, cmd_sn_);
  evidence.window = CommandWindow{cmd_sn_, exp_cmd_sn_, max_cmd_sn_};
  evidence.last_stat_sn = exp_stat_sn_ - 1;
  evidence.r2ts = r2ts;
  evidence.data_out_bytes = bytes_owed;
  evidence.ping = ping_;
  evidence.last_received = last_heard_;
  evidence.last_sent = last_sent_;
  return evidence;
}

std::optional<PeerDoor> NativeSession::door() const {
  if (failed_) return std::nullopt;
  PeerDoor door;
  door.local = local_address(in_.fd.get());
  door.peer = peer_address(in_.fd.get());
  door.hello = iscsi_hello(in_.initiator);
  return door;
}

}  // namespace holdfast::initiator
