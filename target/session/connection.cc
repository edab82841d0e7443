#include "target/session/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "common/base/log.h"
#include "common/base/serial_number.h"
#include "common/runtime/socket.h"

namespace holdfast::target {
namespace {

/// How long a peer may take to close its end once we have sent the last PDU.
constexpr Duration linger_max = std::chrono::seconds(2);
/// How long we leave it to a peer that has logged out to close. libiscsi, asked to log out, comes back
/// by itself, but not within 3 s of the last time, and keeps the old connection until then; if it finds
/// our end closed meanwhile, it gives up.
constexpr Duration logged_out_max = std::chrono::seconds(4);

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

Connection::Connection(Loop& loop, Fd fd, LoginOutcome login, const SessionParts& session, std::string name,
                       Instant session_began, Owner& owner)
    : Timer(loop),
      loop_(loop),
      seat_(loop, loop.thread()),
      fd_(std::move(fd)),
      login_(std::move(login)),
      name_(std::move(name)),
      owner_(owner),
      texts_(session.reception, login_),
      stages_(loop, fd_.get(), login_, session.window, session.recorder, session_began),
      sender_(loop, fd_.get(), session.window, login_.stat_sn, digests_of(login_.parameters), *this),
      commands_(session, sender_, stages_, settings_of(login_), *this),
      tasks_(session, sender_, *this),
      replies_(sender_),
      router_(session.window, commands_, tasks_, replies_, texts_, stages_,
              login_.parameters.our_max_recv_data_segment_length, *this),
      receiver_(loop, fd_.get(), digests_of(login_.parameters), router_),
      keep_alive_(limits_of(*login_.target), clock_now()),
      rest_rule_(clock_now(), login_.stat_sn) {}

void Connection::start() {
  if (loop_.threads() > 1) log(LogLevel::info, "{}: on thread {}", name_, thread());
  bytes_came();
  receiver_.start();
}

void Connection::tell(const iscsi::AsyncMessageBhs& message) {
  if (replies_.has_room()) replies_.send(message);
}

void Connection::answer_logout(const iscsi::LogoutResponseBhs& response) {
  if (is_running()) replies_.send(response);
}

void Connection::log_out(const iscsi::LogoutResponseBhs& response) {
  log(LogLevel::info, "{}: logged out", name_);
  logout_response_ = response;
  on_purpose_ = true;
  router_.go_deaf();
  abort_commands(State::logging_out);
}

void Connection::may_answer_logout() {
  may_answer_logout_ = true;
  step();
}

void Connection::drain(const iscsi::AsyncMessageBhs& farewell) {
  if (state_ != State::running) return;
  log(LogLevel::debug, "{}: draining", name_);
  farewell_ = farewell;
  on_purpose_ = true;
  router_.take_no_requests();
  leave(State::draining);
  step();
}

void Connection::end_after_sending(std::string_view why) {
  if (state_ >= State::logged_out) return;
  log(LogLevel::info, "{}: dropped: {}", name_, why);
  router_.go_deaf();
  abort_commands(State::sending_last);
}

void Connection::drop(std::string_view why) {
  if (state_ == State::closed) return;
  log(LogLevel::info, "{}: dropped: {}", name_, why);
  close();
}

void Connection::drop_on_purpose(std::string_view why) {
  on_purpose_ = true;
  drop(why);
}

/// True if it is the first to know, and the session goes on without it.
bool Connection::leave(State next) {
  return std::exchange(state_, next) == State::running && owner_.connection_leaves(*this);
}

void Connection::abort_commands(State next) {
  aborts_ = true;
  const bool session_goes_on = leave(next);
  tasks_.close();
  commands_.close(session_goes_on);
  step();
}

void Connection::step() {
  if (state_ != State::running && is_quiet() && !std::exchange(told_quiet_, true)) owner_.connection_is_quiet(*this);
  if (state_ == State::draining && is_quiet()) {
    replies_.send(farewell_);
    state_ = State::sending_last;
  } else if (state_ == State::logging_out && is_quiet() && may_answer_logout_) {
    replies_.send(logout_response_);
    state_ = State::logged_out;
    arm(clock_now() + logged_out_max);
  }
  if (state_ == State::sending_last && sender_.idle()) linger();
  const bool over = state_ == State::closed && is_quiet() && sender_.idle() && receiver_.idle();
  if (over && !std::exchange(over_, true)) owner_.connection_over();
}

// Our last PDU is with the kernel. The peer is told that nothing follows, and what it still sends
// is swallowed until it closes too: closing first, with bytes unread, would reset the connection
// and might take that last PDU from it.
void Connection::linger() {
  state_ = State::lingering;
  router_.go_deaf();
  ::shutdown(fd_.get(), SHUT_WR);
  arm(clock_now() + linger_max);
}

void Connection::close() {
  disarm();
  receiver_.stop();
  ::shutdown(fd_.get(), SHUT_RDWR);  // Ends a send that waits for the peer.
  sender_.close();
  const bool reader_is_gone = receiver_.idle();
  abort_commands(State::closed);
  if (reader_is_gone) {
    commands_.reader_gone();
    step();
  }
}

void Connection::bytes_came() {
  stages_.heard(loop_.now());
  keep_alive_.heard(loop_.now());
  watch_peer();
}

Duration Connection::rest(std::uint32_t commands, std::size_t bytes) {
  const std::uint32_t seen = stages_.trace()->exp_stat_sn;
  std::uint32_t unseen = sender_.next_stat_sn() - seen;
  // The kernel is asked only where its word could make a difference. The initiator may say what it likes: more than
  // there are answers is none that it has not seen.
  if (unseen >= RestRule::unseen_answers_min) {
    const std::uint32_t there = rest_rule_.next_stat_sn_within(acknowledged_bytes(fd_.get()));
    unseen = serial_precedes(seen, there) ? there - seen : 0;
  }
  return rest_rule_.next(loop_.now(), {.commands = commands, .bytes = bytes, .unseen_answers = unseen});
}

/// Armed for the earliest moment at which there can be something to do, and looked at again then:
/// traffic costs no timers, and a connection that is idle for good has none.
void Connection::watch_peer() {
  if (armed() || state_ == State::closed) return;
  const auto next = keep_alive_.next_check(true);
  if (next) arm(*next);
}

/// From here on the peer owes it to us to take an answer, or to send what an R2T asks for: until now
/// it may have waited for us, and is not to be blamed for that time.
void Connection::sending_begins() {
  keep_alive_.taken(loop_.now());
  watch_peer();
}

void Connection::batch_sent() {
  keep_alive_.taken(loop_.now());
  rest_rule_.sent(stages_.bytes_before() + sender_.bytes_sent(), sender_.next_stat_sn());
  receiver_.resume();
  step();
}

void Connection::expire() {
  if (state_ == State::logged_out) {
    state_ = State::sending_last;
    step();
    watch_peer();  // It may not even have taken the answer.
    return;
  }
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
bool Connection::peer_took_bytes() {
  const std::uint64_t now = acknowledged_bytes(fd_.get());
  return std::exchange(bytes_taken_, now) != now;
}

void Connection::send_ping() {
  iscsi::NopInBhs ping;
  ping.target_transfer_tag = 1;  // Not the reserved one: an answer is wanted (section 11.19.1).
  replies_.send(ping, StatSn::shows);
}

void Connection::logout_requested(const iscsi::LogoutRequestBhs& request) {
  owner_.logout_requested(*this, request);
}

void Connection::pdu_refused(iscsi::Opcode opcode, std::string_view why) {
  // A peer that does it without end must not fill the log.
  ++refused_;
  if (refused_ > 8 && !std::has_single_bit(refused_)) return;
  log(LogLevel::warning, "{}: {} refused ({} so far): {}", name_, iscsi::name_of(opcode), refused_,
      why);
}

void Connection::out_of_step(std::string_view why, bool has_reject) {
  if (has_reject)
    end_after_sending(why);
  else
    drop(why);
}

void Connection::stream_over(int error) {
  commands_.reader_gone();
  if (state_ == State::closed) {
    step();
    return;
  }
  if (state_ != State::lingering && state_ != State::logged_out) {
    log(LogLevel::info, "{}: the initiator closed the connection{}{}", name_,
        error != 0 ? ": " : "", error != 0 ? std::strerror(error) : "");
  }
  close();
}

void Connection::send_failed(int error) {
  drop(std::strerror(error));
}

}  // namespace holdfast::target
