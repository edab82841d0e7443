#include "initiator/device/native/native_login.h"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "common/base/units.h"
#include "common/iscsi/exchange.h"
#include "common/iscsi/framing.h"
#include "common/runtime/socket.h"
#include "common/runtime/timer.h"
#include "initiator/device/iscsi_session.h"
#include "initiator/device/login_transcript.h"
#include "initiator/device/native/login_dialogue.h"

namespace holdfast::initiator {
namespace {

/// A Login PDU's text has at most so much (RFC 7143 section 13.12: the default).
constexpr std::uint32_t login_segment_bytes_max = 8192;
constexpr std::uint32_t login_tag = 1;
constexpr std::uint32_t first_cmd_sn = 1;

/// Gives a kernel operation up at a deadline.
class GivingUp final : public Timer {
 public:
  GivingUp(Loop& loop, Completion& operation, Instant when) : Timer(loop), operation_(operation) { arm(when); }
  ~GivingUp() = default;
  bool passed() const { return passed_; }

 private:
  void expire() override {
    passed_ = true;
    loop().cancel(operation_);
  }
  Completion& operation_;
  bool passed_ = false;
};

Task<Result<Fd>> connect(Loop& loop, const SocketAddress& address, Instant deadline) {
  const Instant began = clock_now();
  Result<Fd> fd = open_tcp(address);
  if (!fd) co_return fd.error();
  set_no_delay(fd->get());
  IoAwaiter connecting = loop.perform(Operation::connect(fd->get(), address.get(), address.bytes()));
  bool late = false;
  std::int32_t result = 0;
  {
    GivingUp limit(loop, connecting, deadline);
    result = co_await connecting;
    late = limit.passed();
  }
  if (result == 0) co_return fd;
  if (late) co_return no_answer_since(began);
  co_return Error{ErrorKind::system, -result, std::generic_category().message(-result)};
}

/// The login over one connection.
class Conversation {
 public:
  Conversation(Loop& loop, int fd, const IscsiLogin& login)
      : exchange_(loop, fd), login_(login), dialogue_(login, offered_parameters()) {}

  Task<Result<LoginDialogue::Next>> run(Instant deadline);
  LoggedIn outcome(Fd fd, const std::string& portal) const;
  const std::string& elsewhere() const { return dialogue_.elsewhere(); }
  std::span<const std::byte> heard() const { return exchange_.heard(); }

 private:
  Task<Status> send(iscsi::LoginFlags flags, std::string_view text);
  Task<Status> ask();
  Task<Status> receive();

  iscsi::PduExchange exchange_;
  const IscsiLogin& login_;
  LoginDialogue dialogue_;
  iscsi::LoginResponseBhs response_;
  std::string text_;
  bool heard_anything_ = false;
};

Task<Result<LoginDialogue::Next>> Conversation::run(Instant deadline) {
  const Instant began = clock_now();
  exchange_.keep_what_is_heard();
  exchange_.set_deadline(deadline);
  for (;;) {
    Status asked = co_await ask();
    if (!asked) {
      if (asked.error().kind == ErrorKind::timed_out) co_return no_answer_since(began);
      co_return asked.error();
    }
    Result<LoginDialogue::Next> next = dialogue_.receive(response_, text_);
    if (!next || *next != LoginDialogue::Next::send) co_return next;
  }
}

/// Says what the dialogue wants said, and gathers the answer, which may come in parts (the C bit).
Task<Status> Conversation::ask() {
  const LoginDialogue::Request& request = dialogue_.request();
  Status done = co_await send(request.flags, request.text);
  if (!done) co_return done;
  text_.clear();
  for (;;) {
    done = co_await receive();
    const bool more = done.ok() && response_.flags.continues();
    if (!more) co_return done;
    const iscsi::LoginFlags flags =
        iscsi::LoginFlags::make(false, false, request.flags.current_stage(), iscsi::LoginStage{});
    done = co_await send(flags, "");
    if (!done) co_return done;
  }
}

Task<Status> Conversation::send(iscsi::LoginFlags flags, std::string_view text) {
  iscsi::LoginRequestBhs request;
  request.flags = flags;
  request.isid = login_.isid;
  request.initiator_task_tag = login_tag;
  request.cmd_sn = first_cmd_sn;
  request.exp_stat_sn = heard_anything_ ? response_.stat_sn.value() + 1 : 0;
  const iscsi::GenericBhs header = iscsi::as<iscsi::GenericBhs>(request);
  Status sent = co_await exchange_.send(header, text);
  co_return sent;
}

Task<Status> Conversation::receive() {
  Result<iscsi::GenericBhs> header = co_await exchange_.receive_header();
  if (!header) co_return header.error();
  const std::optional<iscsi::PduFault> fault =
      iscsi::check_header(*header, iscsi::Side::target, login_segment_bytes_max);
  if (fault || header->opcode.opcode() != iscsi::Opcode::login_response)
    co_return Error{ErrorKind::protocol, EPROTO, "what it answers is no Login Response"};
  Result<std::string> data = co_await exchange_.receive_data(*header);
  if (!data) co_return data.error();
  response_ = iscsi::as<iscsi::LoginResponseBhs>(*header);
  heard_anything_ = true;
  text_ += *data;
  if (text_.size() > iscsi::text_bytes_max) co_return Error{ErrorKind::protocol, EPROTO, "its text comes to no end"};
  co_return Status();
}

LoggedIn Conversation::outcome(Fd fd, const std::string& portal) const {
  LoggedIn in;
  in.fd = std::move(fd);
  in.parameters = *dialogue_.parameters();
  in.cmd_sn = first_cmd_sn;
  in.max_cmd_sn = response_.max_cmd_sn;
  in.exp_stat_sn = response_.stat_sn.value() + 1;
  in.tsih = response_.tsih;
  in.initiator = login_.initiator;
  in.portal = portal;
  in.keys = session_record(exchange_.heard(), in.initiator, portal);
  in.keys["congestion_control"] = congestion_control(in.fd.get());
  return in;
}

}  // namespace

iscsi::Parameters offered_parameters() {
  iscsi::Parameters offered;
  offered.initial_r2t = false;
  offered.immediate_data = true;
  offered.our_max_recv_data_segment_length = 256 * KiB;
  offered.max_burst_length = 16 * MiB - 1024;
  offered.first_burst_length = 256 * KiB;
  offered.max_outstanding_r2t = 8;
  offered.max_connections = 1;
  offered.default_time2wait = 0;
  offered.default_time2retain = 0;
  return offered;
}

Task<Result<LoggedIn>> log_in_natively(Loop& loop, IscsiLogin login, Instant deadline) {
  for (int hop = 0;; ++hop) {
    const std::string portal = login.address.to_string();
    Result<Fd> fd = co_await connect(loop, login.address, deadline);
    if (!fd) co_return not_connected(portal, fd.error());
    Conversation conversation(loop, fd->get(), login);
    Result<LoginDialogue::Next> end = co_await conversation.run(deadline);
    if (!end) co_return not_logged_in(login, portal, conversation.heard(), end.error());
    if (*end == LoginDialogue::Next::let_in) {
      LoggedIn in = conversation.outcome(std::move(fd).value(), portal);
      co_return in;
    }
    Result<SocketAddress> next = redirected_address(portal, conversation.elsewhere(), hop);
    if (!next) co_return next.error();
    login.address = *next;
  }
}

}  // namespace holdfast::initiator
