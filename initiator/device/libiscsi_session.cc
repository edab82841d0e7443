#include "initiator/device/libiscsi_session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "initiator/device/deadline.h"
#include "initiator/device/libiscsi_parts.h"
#include "initiator/device/login_transcript.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t transcript_bytes_max = 64 * 1024;

// libiscsi tells a log function without saying for which session, but only while we call it.
thread_local bool* giving_up = nullptr;
/// It heard the target ask for a logout, and would log out. Once it has, it forgets what is outstanding.
thread_local bool asked_to_leave = false;

/// libiscsi writes data with writev, which raises SIGPIPE where the peer has gone; the error that
/// comes with it is all that we want.
void ignore_broken_pipes() {
  struct sigaction action {};
  ::sigaction(SIGPIPE, nullptr, &action);
  if (action.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

LibiscsiSession::LibiscsiSession(Loop& loop) : loop_(loop), parts_(std::make_unique<Parts>(*this)) {}

WireUse LibiscsiSession::wire() const {
  return context_ == nullptr ? wire_at_end_ : bytes_of_socket(iscsi_get_fd(context_));
}

LibiscsiSession::~LibiscsiSession() { CHECK(failed() && parts_->idle()); }

Task<Result<std::unique_ptr<LibiscsiSession>>> LibiscsiSession::log_in(Loop& loop, IscsiLogin login,
                                                                      Instant deadline) {
  for (int hop = 0;; ++hop) {
    std::unique_ptr<LibiscsiSession> session(new LibiscsiSession(loop));
    Status done = session->set_up(login);
    if (done) done = co_await session->connect(login, deadline);
    if (done) done = co_await session->authenticate(login, deadline);
    if (done) co_return session;

    const std::string elsewhere = session->redirected_to_;
    co_await session->close(Duration(0));
    if (elsewhere.empty()) co_return done.error();
    Result<SocketAddress> next = redirected_address(session->portal_, elsewhere, hop);
    if (!next) co_return next.error();
    login.address = *next;
  }
}

Status LibiscsiSession::set_up(const IscsiLogin& login) {
  ignore_broken_pipes();
  portal_ = login.address.to_string();
  initiator_ = login.initiator;
  context_ = iscsi_create_context(login.initiator.c_str());
  if (context_ == nullptr) return Error{ErrorKind::system, ENOMEM, "libiscsi makes no context"};
  iscsi_set_log_fn(context_, &LibiscsiSession::heard);
  iscsi_set_log_level(context_, 3);  // From here on it says what `heard` listens for.
  iscsi_set_noautoreconnect(context_, 1);
  // Left to itself libiscsi 1.19 uses digests towards a target that does not answer the offer.
  iscsi_set_header_digest(context_, login.header_digest ? ISCSI_HEADER_DIGEST_CRC32C : ISCSI_HEADER_DIGEST_NONE);
  const iscsi::Isid& isid = login.isid;
  iscsi_set_isid_random(context_, static_cast<std::uint32_t>(isid[1]) << 16 | isid[2] << 8 | isid[3],
                        static_cast<std::uint32_t>(isid[4]) << 8 | isid[5]);
  iscsi_set_session_type(context_, login.target.empty() ? ISCSI_SESSION_DISCOVERY : ISCSI_SESSION_NORMAL);
  if (!login.target.empty()) iscsi_set_targetname(context_, login.target.c_str());
  if (!login.user.empty())
    iscsi_set_initiator_username_pwd(context_, login.user.c_str(), login.password.c_str());
  if (!login.target_user.empty())
    iscsi_set_target_username_pwd(context_, login.target_user.c_str(), login.target_password.c_str());
  return {};
}

Task<Status> LibiscsiSession::connect(const IscsiLogin& login, Instant deadline) {
  begin_conversation();
  // The address is numeric, so libiscsi's resolver does not wait.
  const int started = iscsi_connect_async(context_, login.address.to_string().c_str(), &answer, &call_);
  if (started != 0) {
    end_conversation();
    fail(Error{ErrorKind::system, ENETUNREACH, library_words()});
    co_return not_connected(portal_, failure_);
  }
  const int fd = iscsi_get_fd(context_);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  watch_socket();
  Status connected = co_await converse(deadline);
  if (connected && call_.status != SCSI_STATUS_GOOD)
    connected = Error{ErrorKind::system, ECONNREFUSED, library_words()};
  if (!connected) co_return not_connected(portal_, connected.error());
  co_return connected;
}

Task<Status> LibiscsiSession::authenticate(const IscsiLogin& login, Instant deadline) {
  begin_conversation();
  if (iscsi_login_async(context_, &answer, &call_) != 0) {
    end_conversation();
    const Error refused{ErrorKind::protocol, EPROTO, library_words()};
    co_return not_logged_in(login, portal_, transcript_, refused);
  }
  queued();
  Status answered = co_await converse(deadline);
  if (!answered) co_return not_logged_in(login, portal_, transcript_, answered.error());
  if (call_.status == SCSI_STATUS_REDIRECT) redirected_to_ = iscsi_get_target_address(context_);
  if (call_.status != SCSI_STATUS_GOOD) {
    const Error refused{ErrorKind::refused, EACCES, library_words()};
    co_return not_logged_in(login, portal_, transcript_, refused);
  }
  logged_in_ = true;
  congestion_control_ = congestion_control(iscsi_get_fd(context_));
  co_return Status();
}

void LibiscsiSession::begin_conversation() {
  CHECK(!conversing_);
  conversing_ = true;
  call_answered_ = false;
  prepare(call_);
  call_.owner = this;
  call_.done = [](LibiscsiCall& call) {
    auto& session = *static_cast<LibiscsiSession*>(call.owner);
    session.call_answered_ = true;
    session.changed_.set();
    if (session.conversing_) return;
    // The conversation has given up waiting; only the task is left to be put away.
    if (call.task != nullptr) scsi_free_scsi_task(std::exchange(call.task, nullptr));
  };
}

void LibiscsiSession::end_conversation() { conversing_ = false; }

Task<Status> LibiscsiSession::converse(Instant deadline) {
  const Instant began = clock_now();
  {
    Deadline limit(loop_, changed_, deadline);
    while (!call_answered_ && !failed() && !limit.passed()) {
      changed_.reset();
      co_await changed_.wait();
    }
  }
  end_conversation();
  if (failed() || call_answered_) {
    if (call_answered_ && call_.status != SCSI_STATUS_CANCELLED && !failed()) co_return Status();
    if (!failed()) fail(Error{ErrorKind::protocol, EPROTO, library_words()});
    if (call_.task != nullptr && call_answered_) scsi_free_scsi_task(std::exchange(call_.task, nullptr));
    co_return failure_;
  }
  Error late = no_answer_since(began);
  fail(late);
  co_return late;
}

Error LibiscsiSession::doing(const char* what, const Error& error) const {
  Error told = error;
  told.message = fmt::format("{} {}: {}", what, portal_, error.message);
  return told;
}

void LibiscsiSession::prepare(LibiscsiCall& call) {
  CHECK(!call.outstanding_);
  call.session_ = this;
  call.status = 0;
  call.task = nullptr;
  call.outstanding_ = true;
}

void LibiscsiSession::answer(iscsi_context*, int status, void* data, void* private_data) {
  auto& call = *static_cast<LibiscsiCall*>(private_data);
  if (!call.outstanding_) return;  // libiscsi may report a broken connection once more.
  call.outstanding_ = false;
  call.status = status;
  call.task = static_cast<scsi_task*>(data);
  // Nothing of ours cancels a single call, so a cancelled one says that the session is gone.
  if (status == SCSI_STATUS_CANCELLED && giving_up != nullptr) *giving_up = true;
  call.session_->parts_->delivery.push(call);
}

void LibiscsiSession::discovered(iscsi_context* context, int status, void* data, void* private_data) {
  auto& call = *static_cast<LibiscsiCall*>(private_data);
  if (status == SCSI_STATUS_GOOD) {
    std::vector<DiscoveredTarget>& found = call.session_->discovered_;
    for (auto* one = static_cast<iscsi_discovery_address*>(data); one != nullptr; one = one->next) {
      if (found.size() == discovered_targets_max) break;
      DiscoveredTarget& target = found.emplace_back();
      target.name = one->target_name;
      for (auto* portal = one->portals; portal != nullptr; portal = portal->next)
        target.portals.emplace_back(portal->portal);
    }
  }
  answer(context, status, nullptr, private_data);
}

void LibiscsiSession::heard(int, const char* message) {
  if (giving_up == nullptr) return;
  asked_to_leave |= std::strstr(message, "target requests logout") != nullptr;
  if (asked_to_leave || std::strstr(message, "reconnect") != nullptr) *giving_up = true;
}

void LibiscsiSession::queued() {
  if (!failed() && !parts_->flush.queued()) loop_.at_turn_end(parts_->flush);
}

void LibiscsiSession::watch_socket() {
  if (failed()) return;
  const int fd = iscsi_get_fd(context_);
  if (!parts_->reader.in_flight()) loop_.submit(Operation::poll(fd, POLLIN | POLLRDHUP), parts_->reader);
  if ((iscsi_which_events(context_) & POLLOUT) != 0 && !parts_->writer.in_flight())
    loop_.submit(Operation::poll(fd, POLLOUT), parts_->writer);
}

void LibiscsiSession::polled(std::int32_t result) {
  changed_.set();
  if (failed()) return;
  if (result < 0) return fail(Error::from_errno(-result, "poll the connection"));
  if ((result & (POLLERR | POLLHUP)) != 0) {
    int error = 0;
    socklen_t bytes = sizeof error;
    ::getsockopt(iscsi_get_fd(context_), SOL_SOCKET, SO_ERROR, &error, &bytes);
    if (error == 0) error = ECONNRESET;
    return fail(Error{ErrorKind::system, error, std::generic_category().message(error)});
  }
  if ((result & POLLRDHUP) != 0) return drain_and_fail();
  service(result & (POLLIN | POLLOUT));
  watch_socket();
}

/// The target will send no more; what it sent before still counts.
void LibiscsiSession::drain_and_fail() {
  constexpr int rounds_max = 10'000;
  for (int i = 0; i < rounds_max && !failed(); ++i) {
    int waiting = 0;
    if (::ioctl(iscsi_get_fd(context_), FIONREAD, &waiting) != 0 || waiting == 0) break;
    service(POLLIN);
  }
  if (!failed()) fail(Error{ErrorKind::peer_closed, ECONNRESET, "the target closed the connection"});
}

void LibiscsiSession::service(int events) {
  if ((events & POLLIN) != 0) last_received_ = loop_.now();
  if (!logged_in_ && (events & POLLIN) != 0) overhear();
  giving_up = &gave_up_;
  asked_to_leave = false;
  const int result = iscsi_service(context_, events);
  giving_up = nullptr;
  if (result == 0 && !gave_up_) return;
  if (asked_to_leave)
    return fail(Error{ErrorKind::peer_closed, ECONNRESET, "the target asked to log out: it is about to end"});
  // Reading or writing may meet the end of the connection before we are told of it.
  pollfd ended{iscsi_get_fd(context_), POLLRDHUP, 0};
  if (::poll(&ended, 1, 0) == 1 && (ended.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
    return fail(Error{ErrorKind::peer_closed, ECONNRESET, "the target closed the connection"});
  fail(Error{ErrorKind::protocol, EPROTO, library_words()});
}

/// libiscsi does not tell what was negotiated, so we look at the target's answers before it does.
void LibiscsiSession::overhear() {
  std::byte bytes[16 * 1024];
  const ssize_t got = ::recv(iscsi_get_fd(context_), bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
  if (got <= 0 || transcript_.size() + static_cast<std::size_t>(got) > transcript_bytes_max) return;
  transcript_.insert(transcript_.end(), bytes, bytes + got);
}

std::map<std::string, std::string> LibiscsiSession::negotiated() const {
  auto record = session_record(transcript_, initiator_, portal_);
  record["congestion_control"] = congestion_control_;
  return record;
}

std::string LibiscsiSession::library_words() const {
  std::string words = context_ == nullptr ? "" : iscsi_get_error(context_);
  while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
  return words.empty() ? "the connection broke" : words;
}

void LibiscsiSession::fail(Error why) {
  if (failed()) return;
  failure_ = std::move(why);
  wire_at_end_ = wire();
  tcp_at_end_ = tcp_state(iscsi_get_fd(context_));
  iscsi_context* context = std::exchange(context_, nullptr);
  loop_.cancel(parts_->reader);
  loop_.cancel(parts_->writer);
  iscsi_destroy_context(context);  // Answers every command; login and discovery it may forget.
  if (call_.outstanding_) {
    call_.outstanding_ = false;
    call_.status = SCSI_STATUS_CANCELLED;
    parts_->delivery.push(call_);
  }
  changed_.set();
}

Task<void> LibiscsiSession::close(Duration deadline) {
  if (!failed() && logged_in_ && deadline > Duration(0)) {
    begin_conversation();
    if (iscsi_logout_async(context_, &answer, &call_) == 0) {
      queued();
      Status left = co_await converse(clock_now() + deadline);
      static_cast<void>(left);  // Polite or not, the session ends here.
    } else {
      end_conversation();
    }
  }
  fail(Error{ErrorKind::cancelled, ECANCELED, "the session was closed"});
  while (!parts_->idle()) {
    changed_.reset();
    co_await changed_.wait();
  }
}

}  // namespace holdfast::initiator
