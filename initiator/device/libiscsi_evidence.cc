// What a libiscsi session and its device can say of their path when they are asked.

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>

#include <array>

#include "common/iscsi/clock_ping.h"
#include "initiator/device/iscsi_hello.h"
#include "initiator/device/libiscsi_session.h"

namespace holdfast::initiator {

void LibiscsiSession::examine(ConnectionEvidence& into) const {
  into.id = id_;
  into.failed = failed();
  into.failure = failure_.code;
  into.tcp = tcp_at_end_;
  into.ping = ping_;
  into.last_received = last_received_;
  into.last_sent = last_sent_;
  if (failed()) return;
  into.tcp = tcp_state(iscsi_get_fd(context_));
  into.waiting = static_cast<std::uint32_t>(iscsi_out_queue_length(context_));
  // libiscsi wants to write whenever anything is queued that the target's window allows.
  into.window_closed = into.waiting > 0 && (iscsi_which_events(context_) & POLLOUT) == 0;
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
