// What a libiscsi session can say of its path when it is asked.

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>

#include <array>

#include "common/iscsi/clock_ping.h"
#include "initiator/device/iscsi_hello.h"
#include "initiator/device/libiscsi_parts.h"

namespace holdfast::initiator {

ConnectionEvidence LibiscsiSession::evidence() const {
  ConnectionEvidence evidence;
  evidence.id = id_;
  evidence.failed = failed();
  evidence.failure = failure_.code;
  evidence.tcp = tcp_at_end_;
  evidence.ping = ping_;
  evidence.last_received = last_received_;
  evidence.last_sent = last_sent_;
  if (!failed()) {
    evidence.tcp = tcp_state(iscsi_get_fd(context_));
    evidence.waiting = static_cast<std::uint32_t>(iscsi_out_queue_length(context_));
    // libiscsi wants to write whenever anything is queued that the target's window allows.
    evidence.window_closed = evidence.waiting > 0 && (iscsi_which_events(context_) & POLLOUT) == 0;
  }
  const Transfer* oldest = nullptr;
  for (const std::unique_ptr<Transfer>& transfer : transfers_) {
    if (transfer->task == nullptr) continue;
    ++evidence.owed;
    if (oldest == nullptr || transfer->sent < oldest->sent) oldest = transfer.get();
  }
  if (oldest == nullptr) return evidence;
  OwedRequest& owed = evidence.oldest.emplace();
  owed.tag = oldest->task->itt;
  owed.cmd_sn = oldest->task->cmdsn;
  owed.sent = oldest->sent;
  owed.offset = oldest->offset;
  owed.bytes = oldest->bytes;
  owed.cdb_bytes = static_cast<std::uint8_t>(oldest->cdb_bytes());
  owed.cdb = oldest->cdb;
  return evidence;
}

bool LibiscsiSession::ping() {
  if (failed() || !logged_in_ || ping_.asked != ping_.answered) return false;
  iscsi::ClockPing ping;
  ping.number = ping_.number + 1;
  ping.sent = clock_now();
  ping.answered_number = ping_.answered == 0 ? 0 : ping_.number;
  ping.answered = ping_.last_answered;
  std::array<std::byte, iscsi::clock_ping_bytes> data = iscsi::encode(ping);
  const int started = iscsi_nop_out_async(context_, &ponged, reinterpret_cast<unsigned char*>(data.data()),
                                          static_cast<int>(data.size()), this);
  if (started != 0) return false;
  ++ping_.asked;
  ++ping_.number;
  ping_.last_asked = ping.sent;
  queued();
  return true;
}

void LibiscsiSession::ponged(iscsi_context*, int status, void*, void* data) {
  auto& session = *static_cast<LibiscsiSession*>(data);
  if (status != SCSI_STATUS_GOOD) return;  // The session is ending.
  PingEvidence& ping = session.ping_;
  ++ping.answered;
  ping.last_answered = clock_now();
  ping.round_trip = ping.last_answered - ping.last_asked;
}

std::optional<PeerDoor> LibiscsiSession::door() const {
  if (failed()) return std::nullopt;
  const int fd = iscsi_get_fd(context_);
  PeerDoor door;
  door.local = local_address(fd);
  door.peer = peer_address(fd);
  door.hello = iscsi_hello(initiator_);
  return door;
}

}  // namespace holdfast::initiator
