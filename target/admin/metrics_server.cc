#include "target/admin/metrics_server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "target/admin/http_request.h"
#include "target/admin/metrics_text.h"
#include "target/portal/socket_conversation.h"
#include "target/portal/sockets.h"

namespace holdfast::target {
namespace {

constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

std::string head_of(const HttpVerdict& verdict) {
  const bool good = verdict.status == 200;
  return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n{}Connection: close\r\n\r\n", verdict.status, verdict.reason,
                     good ? content_type : "text/plain; charset=utf-8",
                     verdict.status == 405 ? "Allow: GET, HEAD\r\n" : "");
}

/// What came of the request's head until it was complete, too long, or time was over.
Task<std::string> read_head(Loop& loop, int fd) {
  SocketDeadline deadline(loop, fd, MetricsServer::client_deadline);
  std::string head;
  char piece[4096];
  while (!head_is_complete(head) && head.size() <= http_head_bytes_max) {
    const std::int32_t got = co_await loop.perform(Operation::recv(fd, piece, sizeof piece));
    if (got <= 0) break;
    head.append(piece, static_cast<std::size_t>(got));
  }
  co_return head;
}

}  // namespace

Result<Fd> MetricsServer::listen_on(std::string_view place) {
  Result<SocketAddress> address = parse_place(place);
  if (!address) return address.error();
  if (!address->is_loopback())
    return Error{ErrorKind::invalid_input, EINVAL,
                 fmt::format("{} is no loopback address (127.0.0.1 or [::1]), and whoever reaches it could read it",
                             address->to_string())};
  return Listener::open(*address);
}

MetricsServer::MetricsServer(Loop& loop, Fd fd, const Administrator& administrator)
    : loop_(loop), administrator_(administrator), listener_(loop, std::move(fd), *this) {}

void MetricsServer::accepted(Fd fd) {
  if (clients_.running() >= clients_max) return;
  Task<void> serving = serve(std::move(fd));
  clients_.spawn(std::move(serving));
}

Task<void> MetricsServer::serve(Fd fd) {
  const int number = fd.get();
  descriptors_.insert(number);
  const std::string head = co_await read_head(loop_, number);
  if (!head.empty()) {
    const HttpVerdict verdict = judge_request(head);
    std::string piece = head_of(verdict);
    bool sent = co_await send_all(loop_, number, piece, client_deadline);
    if (verdict.status == 200 && verdict.has_body) {
      MetricsText text(administrator_);
      while (sent) {
        piece = text.next();
        if (piece.empty()) break;
        sent = co_await send_all(loop_, number, piece, client_deadline);
      }
    } else if (sent && verdict.has_body) {
      piece = fmt::format("{} {}; there is /metrics\n", verdict.status, verdict.reason);
      sent = co_await send_all(loop_, number, piece, client_deadline);
    }
    // What else it said is taken off before we close, since that would reset the connection and might
    // take the answer from it.
    ::shutdown(number, SHUT_WR);
    co_await swallow(loop_, number, client_deadline);
  }
  descriptors_.erase(number);
}

Task<void> MetricsServer::stop() {
  listener_.stop();
  for (int fd : descriptors_) ::shutdown(fd, SHUT_RDWR);
  co_await listener_.stopped();
  co_await clients_.join();
}

}  // namespace holdfast::target
