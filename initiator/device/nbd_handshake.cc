// How an NBD connection begins: connect, hear the greeting, open the export; and what is said when
// somebody else answers.

#include <fcntl.h>
#include <fmt/format.h>
#include <libnbd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "initiator/device/deadline.h"
#include "initiator/device/nbd_connection_parts.h"

namespace holdfast::initiator {
namespace {

constexpr std::string_view greeting = "NBDMAGIC";
constexpr std::size_t exports_named_max = 8;
// An export that is not there is explained by those that are, if they are listed at once.
constexpr Duration list_patience = std::chrono::seconds(1);

/// What somebody sent, fit to be shown.
std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, bytes.find_first_of("\r\n")))
    text += c >= ' ' && c <= '~' ? fmt::format("{}", c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string export_text(const std::string& name) {
  return name.empty() ? "the default export" : fmt::format("export '{}'", name);
}

}  // namespace

Task<Result<std::unique_ptr<NbdConnection>>> NbdConnection::open(Loop& loop, NbdUrl url,
                                                                 std::optional<SocketAddress> address,
                                                                 std::size_t calls_max, Instant deadline) {
  std::unique_ptr<NbdConnection> connection(
      new NbdConnection(loop, address ? address->to_string() : url.portal(), calls_max));
  NbdUrl place = url;
  if (address && !url.tls) place.host = address->host();
  const std::string uri = place.to_server();
  Status done = connection->set_up(url);
  if (done) done = co_await connection->greet(uri, deadline);
  if (done) done = co_await connection->enter(url.export_name, deadline);
  if (done) co_return connection;
  co_await connection->close(Duration(0));
  co_return done.error();
}

Status NbdConnection::set_up(const NbdUrl& url) {
  handle_ = nbd_create();
  if (handle_ == nullptr) return Error{ErrorKind::system, ENOMEM, "libnbd makes no handle"};
  if (url.tls && nbd_supports_tls(handle_) != 1)
    return Error{ErrorKind::invalid_input, ENOTSUP,
                 "nbds:// needs TLS, and the libnbd of this machine was built without it: use nbd://, or a "
                 "libnbd with GnuTLS"};
  facts_.tls = url.tls;
  nbd_set_uri_allow_local_file(handle_, true);
  nbd_set_opt_mode(handle_, true);
  // Each read that ends well has filled its memory; there is no need to clear it first.
  nbd_set_pread_initialize(handle_, false);
  return {};
}

/// Waits until `reached`. The error is the connection's failure, or that it takes too long.
Task<Status> NbdConnection::wait_for(bool (*reached)(const NbdConnection&), Instant deadline) {
  const Instant began = clock_now();
  Deadline limit(loop_, changed_, deadline);
  while (!failed() && !reached(*this) && !limit.passed()) {
    changed_.reset();
    co_await changed_.wait();
  }
  if (failed()) co_return failure_;
  if (reached(*this)) co_return Status();
  const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(clock_now() - began);
  co_return Error{ErrorKind::timed_out, ETIMEDOUT,
                  fmt::format("no answer within {:.1f} s", static_cast<double>(waited.count()) / 1000)};
}

/// Connects and comes to where options are negotiated, or beyond with an old server.
Task<Status> NbdConnection::greet(const std::string& uri, Instant deadline) {
  if (nbd_aio_connect_uri(handle_, uri.c_str()) != 0) {
    const int code = nbd_get_errno();
    const Error error{code == 0 ? ErrorKind::protocol : ErrorKind::system, code, libnbd_words()};
    co_return connect_error(error);
  }
  judge_and_watch();
  Status reached = co_await wait_for(&NbdConnection::is_negotiating_or_open, deadline);
  if (!reached) co_return connect_error(reached.error());
  co_return reached;
}

Error NbdConnection::connect_error(const Error& why) const {
  Error error = why;
  const bool late = why.kind == ErrorKind::timed_out;
  // No connect(2) to a right address ends with EINVAL: that is TLS, which libnbd may begin, and fail at,
  // in the very call that connects.
  const bool tls_failed = why.kind == ErrorKind::system && why.code == EINVAL;
  if (!socket_ && !tls_failed) {
    // libnbd's own words name the address and the server once more.
    const bool plain = why.kind == ErrorKind::system;
    const std::string words = plain ? std::generic_category().message(why.code) : why.message;
    error.message = fmt::format("connect to {}: {}; is an NBD server running there, and is this its port?",
                                portal_, words);
  } else if (!greeted_ && late) {
    error.message = fmt::format(
        "connected to {}, but it sends no NBD greeting: {}. What listens there is stuck, or waits for its "
        "client to speak first, as an iSCSI target or a web server does: is this an NBD server's port?",
        portal_, why.message);
  } else if (!greeted_ && !tls_failed) {
    error.message = fmt::format("connected to {}, but it is no NBD server: {}; check host and port", portal_,
                                why.message);
  } else {
    error.message = fmt::format("negotiate with the NBD server at {}: {}{}", portal_, why.message,
                                facts_.tls ? "; does it do TLS, with this user and these keys? Write nbd:// to go "
                                             "without"
                                           : "");
  }
  return error;
}

/// Looks at what libnbd is about to read: the words of somebody who is no NBD server are worth more
/// than the news that they are not NBD's.
Status NbdConnection::hear_greeting() {
  std::array<char, 64> bytes{};
  if (!is_before_greeting()) return {};
  const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got < 0) return {};
  if (got == 0) return Error{ErrorKind::peer_closed, ECONNRESET, "it closed the connection without a word"};
  const std::string_view heard(bytes.data(), static_cast<std::size_t>(got));
  const std::size_t common = std::min(heard.size(), greeting.size());
  if (heard.substr(0, common) != greeting.substr(0, common))
    return Error{ErrorKind::protocol, EPROTO, fmt::format("it says \"{}\"", printable(heard))};
  greeted_ = true;
  return {};
}

/// Whether the connection is up. From then on we have a descriptor of our own for it.
bool NbdConnection::is_connected() {
  if (socket_) return true;
  const int fd = nbd_aio_get_fd(handle_);
  sockaddr_storage peer{};
  socklen_t bytes = sizeof peer;
  if (fd < 0 || ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &bytes) != 0) return false;
  set_no_delay(fd);
  socket_ = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  return static_cast<bool>(socket_);
}

/// Whether libnbd has still to read the server's first words.
bool NbdConnection::is_before_greeting() const {
  const std::string_view state = nbd_connection_state(handle_);
  return state.starts_with("START") || state.starts_with("CONNECT") || state.starts_with("MAGIC");
}

Task<Status> NbdConnection::enter(const std::string& export_name, Instant deadline) {
  // A server of the old style has one export, and we are in it already.
  if (is_in_export(*this)) {
    learn_facts();
    co_return Status();
  }
  *negotiation_ = Negotiation();
  const nbd_completion_callback done{&Negotiation::take, negotiation_.get(), nullptr};
  if (nbd_set_export_name(handle_, export_name.c_str()) != 0 || nbd_aio_opt_go(handle_, done) != 0)
    fail(Error{ErrorKind::protocol, EPROTO, libnbd_words()});
  judge_and_watch();
  Status answered = co_await wait_for(&NbdConnection::is_option_answered, deadline);
  const std::string doing = fmt::format("open {} of {}", export_text(export_name), portal_);
  if (!answered) {
    Error error = answered.error();
    error.message = fmt::format("{}: {}", doing, error.message);
    co_return error;
  }
  if (negotiation_->error == 0 && is_in_export(*this)) {
    learn_facts();
    co_return Status();
  }
  const int code = negotiation_->error == 0 ? EPROTO : negotiation_->error;
  const std::string words = negotiation_->words;
  if (code == ENOENT) {
    const std::string known = co_await exports(deadline);
    co_return Error{ErrorKind::refused, ENOENT, fmt::format("{}: the server has no such export{}", doing, known)};
  }
  if (words.find("TLS") != std::string::npos)
    co_return Error{ErrorKind::refused, EACCES,
                    fmt::format("{}: {}; write nbds:// in place of nbd://, with tls-certificates or "
                                "tls-psk-file if the server asks for them",
                                doing, words)};
  co_return Error{ErrorKind::refused, code, fmt::format("{}: {}", doing, words)};
}

/// "; it has 'a', 'b'", as far as the server tells.
Task<std::string> NbdConnection::exports(Instant deadline) {
  *negotiation_ = Negotiation();
  const nbd_completion_callback done{&Negotiation::take, negotiation_.get(), nullptr};
  const nbd_list_callback each{&Negotiation::take_export, negotiation_.get(), nullptr};
  const std::string silence = ", and does not list those that it has";
  if (failed() || nbd_aio_opt_list(handle_, each, done) != 0) co_return silence;
  judge_and_watch();
  const Instant limit = std::min(deadline, clock_now() + list_patience);
  Status answered = co_await wait_for(&NbdConnection::is_option_answered, limit);
  if (!answered || negotiation_->error != 0) co_return silence;
  if (negotiation_->exports.empty()) co_return ", and none at all";
  std::string text = "; it has ";
  for (const std::string& name : negotiation_->exports) {
    if (!text.ends_with(' ')) text += ", ";
    text += fmt::format("'{}'", name);
  }
  const std::size_t unnamed = negotiation_->exports_in_all - negotiation_->exports.size();
  if (unnamed > 0) text += fmt::format(" and {} more", unnamed);
  co_return text;
}

bool NbdConnection::is_negotiating_or_open(const NbdConnection& connection) {
  return nbd_aio_is_negotiating(connection.handle_) == 1 || nbd_aio_is_ready(connection.handle_) == 1;
}

bool NbdConnection::is_option_answered(const NbdConnection& connection) {
  return connection.negotiation_->answered;
}

bool NbdConnection::is_in_export(const NbdConnection& connection) {
  return nbd_aio_is_ready(connection.handle_) == 1;
}

int NbdConnection::Negotiation::take(void* data, int* error) {
  auto& negotiation = *static_cast<Negotiation*>(data);
  negotiation.answered = true;
  negotiation.error = *error;
  if (*error != 0) negotiation.words = libnbd_words();
  return 1;
}

int NbdConnection::Negotiation::take_export(void* data, const char* name, const char*) {
  auto& negotiation = *static_cast<Negotiation*>(data);
  ++negotiation.exports_in_all;
  if (negotiation.exports.size() < exports_named_max) negotiation.exports.push_back(printable(name));
  return 0;
}

void NbdConnection::learn_facts() {
  const auto block_bytes = [this](int which) {
    return static_cast<std::uint32_t>(std::max<std::int64_t>(0, nbd_get_block_size(handle_, which)));
  };
  facts_.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, nbd_get_size(handle_)));
  facts_.block_bytes_minimum = block_bytes(LIBNBD_SIZE_MINIMUM);
  facts_.block_bytes_preferred = block_bytes(LIBNBD_SIZE_PREFERRED);
  facts_.block_bytes_maximum = block_bytes(LIBNBD_SIZE_MAXIMUM);
  facts_.read_only = nbd_is_read_only(handle_) == 1;
  facts_.flush = nbd_can_flush(handle_) == 1;
  facts_.fua = nbd_can_fua(handle_) == 1;
  facts_.trim = nbd_can_trim(handle_) == 1;
  facts_.multi_conn = nbd_can_multi_conn(handle_) == 1;
  facts_.structured_replies = nbd_get_structured_replies_negotiated(handle_) == 1;
  facts_.tls = nbd_get_tls_negotiated(handle_) == 1;
  facts_.library = fmt::format("libnbd {}", nbd_get_version(handle_));
  const char* protocol = nbd_get_protocol(handle_);
  facts_.protocol = protocol == nullptr ? "" : protocol;
  open_ = true;
}

}  // namespace holdfast::initiator
