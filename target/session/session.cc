#include "target/session/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "common/base/log.h"
#include "common/runtime/socket.h"

namespace holdfast::target {
namespace {

/// How long a peer may take to close its end once we have sent the last PDU.
constexpr Duration linger_max = std::chrono::seconds(2);

std::string name_of_session(const LoginOutcome& login) {
  return fmt::format("session {:04x} of {} on {} from {}", login.tsih, login.caller.initiator_name,
                     login.target->name, login.caller.peer.to_string());
}

Nexus nexus_of(const LoginOutcome& login, std::uint32_t index) {
  return {.initiator_name = login.caller.initiator_name, .isid = login.isid, .index = index};
}

CommandSet::Settings settings_of(const LoginOutcome& login) {
  return {.parameters = login.parameters,
          .queued_commands = std::min(login.target->queued_commands, CommandWindow::width_max),
          .send_segment_bytes_max = login.target->max_xmit_data_segment_length};
}

iscsi::Digests digests_of(const iscsi::Parameters& parameters) {
  return {.header = parameters.header_digest, .data = parameters.data_digest};
}

KeepAlive::Limits limits_of(const TargetConfig& target) {
  KeepAlive::Limits limits;
  limits.ping_after = std::chrono::seconds(target.nop_interval);
  const bool has_timeout = target.nop_timeout > 0 && target.nop_timeout <= target.nop_interval;
  limits.answer_within =
      std::chrono::seconds(has_timeout ? target.nop_timeout : target.nop_interval);
  return limits;
}

}  // namespace

Session::Session(Loop& loop, Fd fd, LoginOutcome login, std::uint32_t nexus_index,
                 ScsiTarget& target, DataMemory& memory, Reception& reception)
    : Timer(loop),
      loop_(loop),
      reception_(reception),
      fd_(std::move(fd)),
      login_(std::move(login)),
      name_(name_of_session(login_)),
      target_(target),
      nexus_(nexus_of(login_, nexus_index)),
      window_(login_.exp_cmd_sn, login_.max_cmd_sn, login_.target->queued_commands),
      texts_(reception, login_),
      sender_(loop, fd_.get(), window_, login_.stat_sn, digests_of(login_.parameters), *this),
      commands_(target, nexus_, window_, sender_, memory, settings_of(login_), *this),
      tasks_(target, nexus_, window_, commands_, sender_, *this),
      replies_(sender_),
      router_(window_, commands_, tasks_, replies_, texts_,
              login_.parameters.our_max_recv_data_segment_length, *this),
      receiver_(loop, fd_.get(), digests_of(login_.parameters), router_),
      keep_alive_(limits_of(*login_.target), clock_now()) {}

Task<void> Session::run() {
  log_negotiated();
  target_.nexus_joined(nexus_);
  bytes_came();
  receiver_.start();
  co_await ended_.wait();
  target_.nexus_left(nexus_);
}

void Session::log_negotiated() const {
  const iscsi::Parameters& p = login_.parameters;
  log(LogLevel::info,
      "{}: logged in; InitialR2T={} ImmediateData={} FirstBurstLength={} MaxBurstLength={} "
      "MaxRecvDataSegmentLength={} (the initiator's {}) MaxOutstandingR2T={} QueuedCommands={} "
      "HeaderDigest={} DataDigest={}",
      name_, p.initial_r2t ? "Yes" : "No", p.immediate_data ? "Yes" : "No", p.first_burst_length,
      p.max_burst_length, p.our_max_recv_data_segment_length, p.peer_max_recv_data_segment_length,
      p.max_outstanding_r2t, login_.target->queued_commands, p.header_digest ? "CRC32C" : "None",
      p.data_digest ? "CRC32C" : "None");
}

void Session::drain() {
  if (state_ != State::running) return;
  log(LogLevel::debug, "{}: draining", name_);
  state_ = State::draining;
  router_.take_no_requests();
  step();
}

void Session::drop(std::string_view why) {
  if (state_ == State::closed) return;
  log(LogLevel::info, "{}: dropped: {}", name_, why);
  close();
}

void Session::step() {
  if (state_ == State::draining && is_quiet()) {
    state_ = State::sending_last;
  } else if (state_ == State::logging_out && is_quiet()) {
    replies_.send(logout_response_);
    state_ = State::sending_last;
  }
  if (state_ == State::sending_last && sender_.idle()) linger();
  const bool over = state_ == State::closed && is_quiet() && sender_.idle() && receiver_.idle();
  if (over && !ended_.is_set()) ended_.set();
}

// Our last PDU is with the kernel. The peer is told that nothing follows, and what it still sends
// is swallowed until it closes too: closing first, with bytes unread, would reset the connection
// and might take that last PDU from it.
void Session::linger() {
  state_ = State::lingering;
  router_.go_deaf();
  ::shutdown(fd_.get(), SHUT_WR);
  arm(clock_now() + linger_max);
}

void Session::close() {
  state_ = State::closed;
  disarm();
  receiver_.stop();
  ::shutdown(fd_.get(), SHUT_RDWR);  // Ends a send that waits for the peer.
  sender_.close();
  tasks_.close();
  commands_.close();
  if (receiver_.idle()) commands_.reader_gone();
  step();
}

void Session::bytes_came() {
  keep_alive_.heard(loop_.now());
  watch_peer();
}

/// Armed for the earliest moment at which there can be something to do, and looked at again then:
/// traffic costs no timers, and a session that is idle for good has none.
void Session::watch_peer() {
  if (armed() || state_ == State::closed) return;
  const auto next = keep_alive_.next_check(true);
  if (next) arm(*next);
}

/// From here on the peer owes it to us to take an answer, or to send what an R2T asks for: until now
/// it may have waited for us, and is not to be blamed for that time.
void Session::sending_begins() {
  keep_alive_.taken(loop_.now());
  watch_peer();
}

void Session::batch_sent() {
  keep_alive_.taken(loop_.now());
  receiver_.resume();
  step();
}

void Session::expire() {
  if (state_ == State::lingering) {
    close();
    return;
  }
  const bool owes = receiver_.inside_pdu() || commands_.awaits_data() || sender_.sending();
  switch (keep_alive_.check(loop_.now(), owes)) {
    case KeepAlive::Action::none: break;
    case KeepAlive::Action::ping: send_ping(); break;
    case KeepAlive::Action::no_answer: drop("no answer to a ping within NOPTimeout"); return;
    case KeepAlive::Action::stalled:
      if (!sender_.sending() || !peer_took_bytes()) {
        drop("it fell silent in the middle of what it owed");
        return;
      }
      keep_alive_.taken(loop_.now());
      break;
  }
  if (const auto next = keep_alive_.next_check(owes)) arm(*next);
}

/// One large batch over a slow line may take long; what counts is whether it moves.
bool Session::peer_took_bytes() {
  const std::uint64_t now = acknowledged_bytes(fd_.get());
  return std::exchange(bytes_taken_, now) != now;
}

void Session::send_ping() {
  iscsi::NopInBhs ping;
  ping.target_transfer_tag = 1;  // Not the reserved one: an answer is wanted (section 11.19.1).
  replies_.send(ping, StatSn::shows);
}

void Session::logout_requested(const iscsi::LogoutRequestBhs& request) {
  using iscsi::LogoutReason;
  using iscsi::LogoutResponseCode;
  logout_response_ = {};
  logout_response_.initiator_task_tag = request.initiator_task_tag;
  logout_response_.time2wait = static_cast<std::uint16_t>(login_.parameters.default_time2wait);
  logout_response_.time2retain = static_cast<std::uint16_t>(login_.parameters.default_time2retain);
  const bool this_connection = request.cid == login_.cid;
  if (request.reason() == LogoutReason::remove_connection_for_recovery) {
    logout_response_.response = LogoutResponseCode::recovery_not_supported;
  } else if (request.reason() == LogoutReason::close_connection && !this_connection) {
    logout_response_.response = LogoutResponseCode::cid_not_found;
  } else {
    // It has one connection: without that the session is over, and so are its commands.
    log(LogLevel::info, "{}: logged out", name_);
    state_ = State::logging_out;
    router_.go_deaf();
    tasks_.close();
    commands_.close();
    step();
    return;
  }
  replies_.send(logout_response_);
}

void Session::pdu_refused(iscsi::Opcode opcode, std::string_view why) {
  // A peer that does it without end must not fill the log.
  ++refused_;
  if (refused_ > 8 && !std::has_single_bit(refused_)) return;
  log(LogLevel::warning, "{}: {} refused ({} so far): {}", name_, iscsi::name_of(opcode), refused_,
      why);
}

/// RFC 7143 section 11.5.1: the connections end too. The others' first, since ours still has to say so.
void Session::cold_reset_done() {
  reception_.end_sessions(*login_.target, login_.tsih, "TARGET COLD RESET by another session");
  end_after_sending("TARGET COLD RESET");
}

void Session::out_of_step(std::string_view why, bool has_reject) {
  if (has_reject)
    end_after_sending(why);
  else
    drop(why);
}

/// What is in the sender's line goes out, and nothing after it.
void Session::end_after_sending(std::string_view why) {
  if (state_ == State::closed || state_ == State::sending_last || state_ == State::lingering) return;
  log(LogLevel::info, "{}: dropped: {}", name_, why);
  state_ = State::sending_last;
  router_.go_deaf();
  tasks_.close();
  commands_.close();
  step();
}

void Session::stream_over(int error) {
  commands_.reader_gone();
  if (state_ == State::closed) {
    step();
    return;
  }
  if (state_ != State::lingering) {
    log(LogLevel::info, "{}: the initiator closed the connection{}{}", name_,
        error != 0 ? ": " : "", error != 0 ? std::strerror(error) : "");
  }
  close();
}

void Session::send_failed(int error) {
  drop(std::strerror(error));
}

}  // namespace holdfast::target
