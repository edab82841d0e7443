#include "initiator/device/native/native_session.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "common/iscsi/text.h"
#include "initiator/device/deadline.h"
#include "initiator/device/native/session_parts.h"

namespace holdfast::initiator {
namespace {

/// A place more than commands, for the conversation's.
constexpr std::uint32_t conversations_max = 1;
/// How long a target that asks for a logout is given to answer it.
constexpr Duration farewell_max = std::chrono::milliseconds(500);

void add_pair(std::vector<DiscoveredTarget>& found, std::string_view pair) {
  constexpr std::string_view name = "TargetName=", address = "TargetAddress=";
  if (pair.starts_with(name) && found.size() < discovered_targets_max)
    found.emplace_back().name = pair.substr(name.size());
  else if (pair.starts_with(address) && !found.empty())
    found.back().portals.emplace_back(pair.substr(address.size()));
}

}  // namespace

Task<Result<std::unique_ptr<NativeSession>>> NativeSession::log_in(Loop& loop, IscsiLogin login, Options options,
                                                                   Instant deadline) {
  Result<LoggedIn> in = co_await log_in_natively(loop, std::move(login), deadline);
  if (!in) co_return in.error();
  co_return std::make_unique<NativeSession>(loop, std::move(in).value(), options);
}

NativeSession::NativeSession(Loop& loop, LoggedIn in, const Options& options)
    : loop_(loop),
      in_(std::move(in)),
      options_(options),
      cmd_sn_(in_.cmd_sn),
      exp_cmd_sn_(in_.cmd_sn),
      max_cmd_sn_(in_.max_cmd_sn),
      exp_stat_sn_(in_.exp_stat_sn),
      commands_(options.commands_max + conversations_max),
      last_heard_(loop.now()),
      last_sent_(loop.now()) {
  for (std::size_t i = commands_.size(); i > 0; --i) free_places_.push_back(static_cast<std::uint16_t>(i - 1));
  in_batch_.reserve(iscsi::Batch::headers_max);
  texts_in_batch_.reserve(controls_max);  // The kernel reads from them, so they never move.
  const iscsi::Digests digests{in_.parameters.header_digest, in_.parameters.data_digest};
  parts_ = std::make_unique<Parts>(loop, *this, in_.fd.get(), digests);
  parts_->receiver.start();
  parts_->clockwork.arm(clock_now() + options_.ping_every);
  conversation_.owner = this;
  conversation_.done = [](ScsiCommand& command) {
    auto& session = *static_cast<NativeSession*>(command.owner);
    session.conversing_ = false;
    session.changed_.set();
  };
}

NativeSession::~NativeSession() { CHECK(settled_ && idle()); }

std::map<std::string, std::string> NativeSession::negotiated() const {
  std::map<std::string, std::string> all = in_.keys;
  if (ping_.answered > 0)
    all["last_ping_us"] =
        std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(ping_.round_trip).count());
  return all;
}

WireUse NativeSession::wire() const { return failed_ ? wire_at_end_ : bytes_of_socket(in_.fd.get()); }

ScsiCommand& NativeSession::add_command() { return own_commands_.emplace_back(); }

void NativeSession::submit(ScsiCommand& command) { submit(static_cast<NativeCommand&>(command)); }

Error NativeSession::doing(const char* what, const Error& error) const {
  return Error{error.kind, error.code, fmt::format("{} {}: {}", what, portal(), error.message)};
}

/// Waits until the command or the question that is under way is answered.
Task<Status> NativeSession::await_answer(Instant deadline) {
  const Instant began = clock_now();
  bool passed = false;
  {
    Deadline limit(loop_, changed_, deadline);
    while ((conversing_ || awaited_tag_ != iscsi::reserved_tag) && !failed_ && !passed) {
      changed_.reset();
      co_await changed_.wait();
      passed = limit.passed();
    }
  }
  if (failed_) co_return failure_;
  if (!conversing_ && awaited_tag_ == iscsi::reserved_tag) co_return Status();
  Error late = no_answer_since(began);
  fail(late);
  co_return late;
}

Task<Result<ScsiReply>> NativeSession::send_once(std::uint16_t lun, std::span<const std::uint8_t> cdb,
                                                 std::uint32_t bytes, Instant deadline) {
  if (failed_) co_return failure_;
  CHECK(!conversing_ && cdb.size() <= conversation_.cdb.size());
  conversing_ = true;
  conversation_.lun = lun_bytes(lun);
  conversation_.cdb = {};
  std::copy(cdb.begin(), cdb.end(), conversation_.cdb.begin());
  conversation_.direction = bytes == 0 ? NativeCommand::Direction::none : NativeCommand::Direction::read;
  conversation_.bytes = bytes;
  reply_.assign(bytes, 0);
  reply_vector_ = {reply_.data(), reply_.size()};
  conversation_.memory = std::span(&reply_vector_, 1);
  submit(conversation_);
  Status answered = co_await await_answer(deadline);
  if (!answered) co_return doing("send a command to", answered.error());
  ScsiReply reply;
  reply.status = conversation_.answer.status;
  reply.sense_key = conversation_.answer.sense_key;
  reply.asc_ascq = conversation_.answer.asc_ascq;
  reply_.resize(conversation_.moved);
  if (reply.good()) reply.data = std::move(reply_);
  co_return reply;
}

Task<Result<std::vector<DiscoveredTarget>>> NativeSession::send_targets(Instant deadline) {
  if (failed_) co_return failure_;
  constexpr std::string_view all_targets("SendTargets=All\0", 16);
  asking_ = Asking::targets;
  queue_text(all_targets, iscsi::reserved_tag);
  Status answered = co_await await_answer(deadline);
  if (!answered) co_return doing("ask for the targets of", answered.error());
  std::vector<DiscoveredTarget> found;
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    add_pair(found, rest.substr(0, end));
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  co_return found;
}

Task<Result<iscsi::TaskManagementResponseCode>> NativeSession::manage_tasks(iscsi::TaskManagementFunction function,
                                                                            std::uint16_t lun, Instant deadline,
                                                                            std::uint32_t task_tag,
                                                                            std::uint32_t task_cmd_sn) {
  if (failed_) co_return failure_;
  iscsi::TaskManagementRequestBhs request;
  request.flags = static_cast<std::uint8_t>(iscsi::final_bit | static_cast<std::uint8_t>(function));
  request.lun = lun_bytes(lun);
  request.referenced_task_tag = task_tag;
  request.ref_cmd_sn = task_cmd_sn;
  request.initiator_task_tag = awaited_tag_ = next_control_tag();
  queue_control(iscsi::as<iscsi::GenericBhs>(request), {});
  Status answered = co_await await_answer(deadline);
  if (!answered) co_return doing("manage tasks of", answered.error());
  co_return management_answer_;
}

std::uint32_t NativeSession::next_control_tag() {
  return control_tag_bit | (control_number_++ & (control_tag_bit - 1));
}

void NativeSession::queue_text(std::string_view text, std::uint32_t target_transfer_tag) {
  if (target_transfer_tag == iscsi::reserved_tag) {
    text_.clear();
    awaited_tag_ = next_control_tag();
  }
  iscsi::TextRequestBhs request;
  request.opcode = iscsi::OpcodeByte(iscsi::Opcode::text_request, true);
  request.initiator_task_tag = awaited_tag_;
  request.target_transfer_tag = target_transfer_tag;
  queue_control(iscsi::as<iscsi::GenericBhs>(request), std::string(text));
}

void NativeSession::queue_logout() {
  iscsi::LogoutRequestBhs request;
  request.flags =
      static_cast<std::uint8_t>(iscsi::final_bit | static_cast<std::uint8_t>(iscsi::LogoutReason::close_session));
  request.initiator_task_tag = awaited_tag_ = next_control_tag();
  queue_control(iscsi::as<iscsi::GenericBhs>(request), {});
}

/// The target wants us to log out within so many seconds: so we do, and the session has ended.
void NativeSession::leave(std::uint32_t seconds) {
  if (leaving_) return;
  leaving_ = true;
  queue_logout();
  leave_by_ = clock_now() + std::min<Duration>(std::chrono::seconds(seconds), farewell_max);
  parts_->clockwork.arm(leave_by_);
}

void NativeSession::tick() {
  if (failed_) return;
  const Instant now = clock_now();
  if (leave_by_ != Instant{}) return fail(asked_to_leave());
  if (send_error_ != 0)
    return fail(Error{ErrorKind::system, send_error_, std::generic_category().message(send_error_)});
  ping();
  parts_->clockwork.arm(now + options_.ping_every);
}

Error NativeSession::asked_to_leave() {
  return Error{ErrorKind::peer_closed, ECONNRESET, "the target asked to log out: it is about to end"};
}

void NativeSession::fail(Error why) {
  if (failed_) return;
  wire_at_end_ = wire();
  tcp_at_end_ = tcp_state(in_.fd.get());
  failed_ = true;
  failure_ = std::move(why);
  if (failure_.code == 0) failure_.code = EIO;
  ::shutdown(in_.fd.get(), SHUT_RDWR);  // Whatever is in flight on the socket ends now.
  parts_->receiver.stop();
  parts_->sender.stop();
  parts_->clockwork.disarm();
  loop_.defer(parts_->ending);
  changed_.set();
}

bool NativeSession::idle() const {
  return parts_->receiver.idle() && !parts_->sender.in_flight() && !parts_->flush.queued() && !parts_->ending.queued();
}

/// The kernel has let go of everybody's memory.
void NativeSession::give_back_when_idle() {
  if (!failed_ || settled_ || !parts_->receiver.idle() || parts_->sender.in_flight()) return;
  settled_ = true;
  release_sent();
  for (NativeCommand*& place : commands_) {
    NativeCommand* command = std::exchange(place, nullptr);
    if (command == nullptr) continue;
    command->lost = true;
    command->in_line = false;
    deliver(*command);
  }
  changed_.set();
}

Task<void> NativeSession::close(Duration deadline) {
  if (!failed_ && !leaving_ && deadline > Duration(0)) {
    leaving_ = true;
    queue_logout();
    Status left = co_await await_answer(clock_now() + deadline);
    static_cast<void>(left);  // Polite or not, the session ends here.
  }
  fail(Error{ErrorKind::cancelled, ECANCELED, "the session was closed"});
  while (!settled_ || !idle()) {
    changed_.reset();
    co_await changed_.wait();
  }
}

}  // namespace holdfast::initiator
