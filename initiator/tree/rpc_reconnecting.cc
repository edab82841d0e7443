// What becomes of a connection that broke, and of the calls that it owed an answer to.

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "initiator/device/deadline.h"
#include "initiator/device/reconnect_rules.h"
#include "initiator/device/reconnecting_device.h"
#include "initiator/tree/rpc_connection_parts.h"

namespace holdfast::initiator {

/// The connection is at its end; what was sent and not answered waits for the next one, before anything newer.
void RpcConnection::broke(Error why) {
  if (failed_ || seeking_) return;
  if (seek_for_ == Duration(0)) return fail(std::move(why));
  wire_before_ = wire();
  tcp_at_end_ = tcp_state(socket_.get());
  failure_ = std::move(why);
  lost_at_ = clock_now();
  seeking_ = true;
  connected_ = false;
  std::vector<RpcCall*> again;
  for (const auto& [xid, call] : sent_) again.push_back(call);
  sent_.clear();
  std::sort(again.begin(), again.end(), [](const RpcCall* a, const RpcCall* b) {
    return static_cast<std::int32_t>(a->xid_ - b->xid_) < 0;
  });
  for (RpcCall* call : again) call->sent_again_ = true;
  sending_.insert(sending_.begin(), again.begin(), again.end());
  calls_sent_again_ = again.size();
  front_sent_ = 0;
  record_.clear();
  record_at_ = mark_at_ = 0;
  in_fragment_ = last_fragment_ = false;
  work_.spawn(seek());
}

Task<void> RpcConnection::seek() {
  ReconnectSchedule schedule(lost_at_, seek_for_);
  std::string why_not;
  for (;;) {
    const std::optional<Instant> next = schedule.next_attempt();
    if (!next || failed_) break;
    co_await pause(*next - clock_now());
    if (failed_) break;
    Status up = co_await attempt(schedule.limit_of_attempt(clock_now()));
    if (failed_) break;
    if (up) {
      resume(schedule.attempts() + 1);
      co_return;
    }
    why_not = up.error().message;
    schedule.failed(clock_now());
  }
  if (failed_) co_return;
  const std::chrono::duration<double> tried = seek_for_;
  fail(Error{failure_.kind, failure_.code,
             fmt::format("{}; not back within {:.1f} s and {} attempts: {}", failure_.message, tried.count(),
                         schedule.attempts(), why_not)});
}

/// The kernel has let go of the socket.
Task<void> RpcConnection::let_go() {
  if (socket_) ::shutdown(socket_.get(), SHUT_RDWR);
  loop_.cancel(parts_->reader);
  loop_.cancel(parts_->writer);
  while (parts_->reader.in_flight() || parts_->writer.in_flight()) {
    changed_.reset();
    co_await changed_.wait();
  }
}

Task<Status> RpcConnection::attempt(Duration limit) {
  // Once by the port that we had; a server that does not let go of it shall not keep us out.
  const bool first = port_tried_for_ != lost_at_;
  port_tried_for_ = lost_at_;
  const std::uint16_t own_port = first ? local_address(socket_.get()).port() : 0;
  co_await let_go();
  socket_.reset();
  Status opened = open_socket(own_port);
  if (!opened) co_return opened;
  attempt_over_ = false;
  loop_.submit(Operation::poll(socket_.get(), POLLOUT), parts_->writer);
  {
    Deadline over(loop_, changed_, clock_now() + limit);
    while (!attempt_over_ && !failed_ && !over.passed()) {
      changed_.reset();
      co_await changed_.wait();
    }
  }
  if (attempt_over_ && attempt_error_ == 0) co_return Status();
  const int error = attempt_over_ ? attempt_error_ : ETIMEDOUT;
  co_await let_go();
  co_return Error{ErrorKind::system, error, std::generic_category().message(error)};
}

void RpcConnection::resume(int attempts) {
  seeking_ = false;
  connected_ = true;
  ++reconnects_;
  id_ = new_connection_id();
  std::string words = fmt::format("{}; back after {} attempt{}, {} calls sent again", failure_.message, attempts,
                                  attempts == 1 ? "" : "s", calls_sent_again_);
  watch_socket();
  send();
  if (listener_ != nullptr) listener_->reconnected({.lasted = clock_now() - lost_at_, .words = std::move(words)});
}

}  // namespace holdfast::initiator
