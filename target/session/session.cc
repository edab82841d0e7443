#include "target/session/session.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"

namespace holdfast::target {
namespace {

using iscsi::AsyncEvent;
using iscsi::LogoutReason;
using iscsi::LogoutResponseCode;

std::string name_of_session(const LoginOutcome& login) {
  return fmt::format("session {:04x} of {} on {} from {}", login.tsih, login.caller.initiator_name,
                     login.target->name, login.caller.peer.to_string());
}

Nexus nexus_of(const LoginOutcome& login, std::uint32_t index) {
  return {.initiator_name = login.caller.initiator_name,
          .isid = login.isid,
          .target_portal_group = login.caller.portal_group,
          .index = index};
}

std::size_t tags_of(const LoginOutcome& login) {
  return std::min(login.target->queued_commands, CommandWindow::width_max) +
         std::size_t{CommandSet::immediate_commands_max} * login.parameters.max_connections;
}

}  // namespace

Session::Session(Loop& loop, Fd fd, LoginOutcome login, std::uint32_t nexus_index,
                 ScsiTarget& target, DataMemory& memory, Reception& reception, FlightRecorder& recorder)
    : Timer(loop),
      loop_(loop),
      reception_(reception),
      began_(loop.now()),
      login_(std::move(login)),
      name_(name_of_session(login_)),
      target_(target),
      nexus_(nexus_of(login_, nexus_index)),
      window_(login_.exp_cmd_sn, login_.max_cmd_sn, login_.target->queued_commands),
      tags_(tags_of(login_)),
      parts_{target_, nexus_, window_, tags_, memory, reception, recorder},
      reaper_(*this) {
  Connection::Owner& self = *this;
  connections_.push_back(std::make_unique<Connection>(loop, std::move(fd), login_, parts_, name_, began_, self));
}

Session::~Session() = default;

Task<void> Session::run() {
  log_negotiated();
  target_.nexus_joined(nexus_);
  connections_.front()->start();
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

iscsi::LoginStatus Session::may_join(std::uint16_t cid) const {
  using iscsi::LoginStatus;
  // At ErrorRecoveryLevel 0 a session without a connection is over, whatever is left to be done.
  if (asked_ || !goes_on()) return LoginStatus::session_does_not_exist;
  const auto others = std::count_if(connections_.begin(), connections_.end(), [cid](const auto& connection) {
    return connection->is_running() && connection->cid() != cid;
  });
  if (static_cast<std::size_t>(others) >= login_.parameters.max_connections) return LoginStatus::too_many_connections;
  // Those that cannot end because a store is stuck count for something, too.
  if (connections_.size() >= 2 * session_connections_max) return LoginStatus::out_of_resources;
  return LoginStatus::success;
}

void Session::join(Fd fd, LoginOutcome login) {
  reinstates_ = true;
  for (const std::unique_ptr<Connection>& connection : connections_)
    if (connection->cid() == login.cid) connection->drop_on_purpose("the initiator logged the connection in anew");
  reinstates_ = false;
  std::string name = fmt::format("{}, connection {} from {}", name_, login.cid, login.caller.peer.to_string());
  log(LogLevel::info, "{}: joined; MaxRecvDataSegmentLength={} (the initiator's {}) HeaderDigest={} DataDigest={}",
      name, login.parameters.our_max_recv_data_segment_length, login.parameters.peer_max_recv_data_segment_length,
      login.parameters.header_digest ? "CRC32C" : "None", login.parameters.data_digest ? "CRC32C" : "None");
  Connection::Owner& self = *this;
  connections_.push_back(
      std::make_unique<Connection>(loop_, std::move(fd), std::move(login), parts_, std::move(name), began_, self));
  if (holding_) connections_.back()->hold_commands();
  connections_.back()->start();
}

void Session::hold_commands() {
  held_ = true;
  update_holds();
}

void Session::release_commands() {
  held_ = false;
  update_holds();
}

/// An initiator that saw a connection end sends its commands again; they must not be overtaken by
/// what those commands left in a store.
void Session::update_holds() {
  const bool hold = held_ || std::any_of(connections_.begin(), connections_.end(),
                                         [](const auto& connection) { return connection->is_aborting(); });
  if (std::exchange(holding_, hold) == hold) return;
  for (const std::unique_ptr<Connection>& connection : connections_) {
    if (hold)
      connection->hold_commands();
    else
      connection->release_commands();
  }
}

/// With the times after which, and within which, an initiator may come back.
iscsi::AsyncMessageBhs Session::message(AsyncEvent event) const {
  iscsi::AsyncMessageBhs message;
  message.event = event;
  message.parameter2 = static_cast<std::uint16_t>(login_.parameters.default_time2wait);
  message.parameter3 = static_cast<std::uint16_t>(login_.parameters.default_time2retain);
  return message;
}

void Session::drain() {
  if (std::exchange(asked_, true) || ending_) return;
  iscsi::AsyncMessageBhs request;
  request.event = AsyncEvent::logout_requested;
  request.parameter3 = static_cast<std::uint16_t>(std::chrono::floor<std::chrono::seconds>(logout_wait).count());
  for (const std::unique_ptr<Connection>& connection : connections_)
    if (connection->is_running()) connection->tell(request);
  arm(loop_.now() + logout_wait);
}

void Session::expire() {
  ending_ = true;
  const iscsi::AsyncMessageBhs farewell = message(AsyncEvent::all_connections_dropped);
  for (const std::unique_ptr<Connection>& connection : connections_) connection->drain(farewell);
}

void Session::drop(std::string_view why) {
  ending_ = true;
  disarm();
  for (const std::unique_ptr<Connection>& connection : connections_) connection->drop(why);
}

Connection* Session::find_running(std::uint16_t cid) const {
  const auto found = std::find_if(connections_.begin(), connections_.end(), [cid](const auto& connection) {
    return connection->is_running() && connection->cid() == cid;
  });
  return found == connections_.end() ? nullptr : found->get();
}

void Session::logout_requested(Connection& by, const iscsi::LogoutRequestBhs& request) {
  iscsi::LogoutResponseBhs response;
  response.initiator_task_tag = request.initiator_task_tag;
  response.time2wait = static_cast<std::uint16_t>(login_.parameters.default_time2wait);
  response.time2retain = static_cast<std::uint16_t>(login_.parameters.default_time2retain);
  switch (request.reason()) {
    case LogoutReason::close_session: log_out_session(by, response); return;
    case LogoutReason::close_connection: log_out_other(by, request.cid, response); return;
    case LogoutReason::remove_connection_for_recovery: break;
  }
  // Section 11.15.1: recovery is for ErrorRecoveryLevel 2.
  response.response = LogoutResponseCode::recovery_not_supported;
  by.answer_logout(response);
}

void Session::log_out_session(Connection& by, const iscsi::LogoutResponseBhs& response) {
  ending_ = true;
  disarm();
  for (const std::unique_ptr<Connection>& connection : connections_)
    if (connection.get() != &by) connection->drop("the initiator logged the session out");
  logouts_.push_back({.by = &by, .of = nullptr, .response = response});
  by.log_out(response);
  answer_logouts();
}

void Session::log_out_other(Connection& by, std::uint16_t cid, iscsi::LogoutResponseBhs response) {
  if (by.cid() == cid) {
    by.log_out(response);
    by.may_answer_logout();
    return;
  }
  Connection* of = find_running(cid);
  if (of == nullptr) {
    response.response = LogoutResponseCode::cid_not_found;
    by.answer_logout(response);
    return;
  }
  logouts_.push_back({.by = &by, .of = of, .response = response});
  of->drop_on_purpose("logged out by another connection");
  answer_logouts();
}

/// Section 11.15: the answer says that no command of what was logged out is active any more.
void Session::answer_logouts() {
  const auto waits = [this](const PendingLogout& logout) {
    return std::any_of(connections_.begin(), connections_.end(), [&](const auto& connection) {
      const bool concerned = logout.of == nullptr || connection.get() == logout.of;
      return concerned && connection.get() != logout.by && !connection->is_quiet();
    });
  };
  // Taken off first, since to answer may make more of them due.
  const auto done = std::stable_partition(logouts_.begin(), logouts_.end(), waits);
  const std::vector<PendingLogout> answered(done, logouts_.end());
  logouts_.erase(done, logouts_.end());
  for (const PendingLogout& logout : answered) {
    if (logout.of == nullptr)
      logout.by->may_answer_logout();
    else
      logout.by->answer_logout(logout.response);
  }
}

/// RFC 7143 section 11.5.1: the connections end too. The others' first, since `by` still has to say so.
void Session::cold_reset_done(Connection& by) {
  reception_.end_sessions(*login_.target, login_.tsih, "TARGET COLD RESET by another session");
  ending_ = true;
  for (const std::unique_ptr<Connection>& connection : connections_)
    if (connection.get() != &by) connection->drop("TARGET COLD RESET");
  by.end_after_sending("TARGET COLD RESET");
}

void Session::command_aborted(const Slot& slot) {
  for (const std::unique_ptr<Connection>& connection : connections_) connection->command_was_aborted(slot);
}

bool Session::goes_on() const {
  return !ending_ && (reinstates_ || std::any_of(connections_.begin(), connections_.end(),
                                                 [](const auto& connection) { return connection->is_running(); }));
}

/// Each connection brings its commands in order (section 4.2.2.1). So when all of them stand before a
/// gap, what is missing will not come.
bool Session::nobody_can_bring_the_next_command() const {
  bool somebody_waits = false;
  for (const std::unique_ptr<Connection>& connection : connections_) {
    if (!connection->is_running()) continue;
    if (!connection->waits_for_turn) return false;
    somebody_waits = true;
  }
  return somebody_waits;
}

bool Session::waits_for_turn(Connection& connection) {
  connection.waits_for_turn = true;
  if (nobody_can_bring_the_next_command()) {
    connection.waits_for_turn = false;
    return false;
  }
  window_.watch(true);
  return true;
}

void Session::turn_came() {
  window_.watch(false);
  for (const std::unique_ptr<Connection>& connection : connections_)
    if (std::exchange(connection->waits_for_turn, false)) connection->look_again();
}

bool Session::connection_leaves(Connection& connection) {
  connection.waits_for_turn = false;
  update_holds();
  if (!reaper_.queued()) loop_.defer(reaper_);
  if (!goes_on()) return false;
  const auto other = std::find_if(connections_.begin(), connections_.end(),
                                  [](const auto& one) { return one->is_running(); });
  if (!connection.ended_on_purpose() && other != connections_.end()) {
    iscsi::AsyncMessageBhs dropped = message(AsyncEvent::connection_dropped);
    dropped.parameter1 = connection.cid();
    (*other)->tell(dropped);
  }
  return true;
}

void Session::connection_is_quiet(Connection&) {
  update_holds();
  // The nexus is lost before anybody is told that the session is over: what RESERVE held is free then.
  const bool all_quiet = std::all_of(connections_.begin(), connections_.end(),
                                     [](const auto& connection) { return connection->is_quiet(); });
  if (!goes_on() && all_quiet) target_.nexus_left(nexus_);
  answer_logouts();
}

void Session::connection_over() {
  if (!reaper_.queued()) loop_.defer(reaper_);
}

void Session::reap() {
  std::erase_if(logouts_, [](const PendingLogout& logout) { return logout.by->is_over(); });
  std::erase_if(connections_, [](const auto& connection) { return connection->is_over(); });
  if (connections_.empty()) {
    disarm();
    ended_.set();
    return;
  }
  if (nobody_can_bring_the_next_command()) drop("a command is missing, and no connection brings it");
}

}  // namespace holdfast::target
