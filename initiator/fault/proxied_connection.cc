#include "initiator/fault/proxied_connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace holdfast::initiator {
namespace {

// What still comes after a FIN of ours is read and thrown away, since closing over it would be a RST.

/// Has the kernel send RST instead of FIN when the last reference goes.
void reset_on_close(int fd) {
  const linger none{.l_onoff = 1, .l_linger = 0};
  if (fd >= 0) ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

}  // namespace

ProxiedConnection::Direction::Direction(ProxiedConnection& connection, Way way, Allowance& allowance)
    : flow(way, connection.number_, connection.path_.rules(), connection.framing_, allowance) {}

ProxiedConnection::ProxiedConnection(FaultPath& path, std::uint64_t number, Fd initiator, const SocketAddress& server,
                                     ConnectionFate fate, PerWay<Allowance>& allowances)
    : path_(path),
      number_(number),
      initiator_(std::move(initiator)),
      address_(server),
      fate_(fate),
      operations_(path.loop()),
      out_(*this, Way::out, allowances[Way::out]),
      in_(*this, Way::in, allowances[Way::in]) {
  set_no_delay(initiator_.get());
}

Task<void> ProxiedConnection::run() {
  if (fate_ == ConnectionFate::refuse) {
    end(CutManner::rst);
  } else if (fate_ == ConnectionFate::silence) {
    co_await stay_silent();
  } else {
    const bool connected = co_await connect();
    if (connected) co_await carry_both_ways();
  }
  if (manner_ == CutManner::rst) {
    reset_on_close(initiator_.get());
    reset_on_close(server_.get());
  }
  initiator_.reset();
  server_.reset();
  over_ = true;
}

Task<bool> ProxiedConnection::connect() {
  Result<Fd> fd = open_tcp(address_);
  if (!fd) {
    give_up(fd.error().message, CutManner::rst);
    co_return false;
  }
  server_ = std::move(fd).value();
  set_no_delay(server_.get());
  Task<std::int32_t> connecting =
      operations_.perform(Operation::connect(server_.get(), address_.get(), address_.bytes()));
  const std::int32_t result = co_await connecting;
  if (result < 0) give_up(fmt::format("connect to {}: {}", address_.to_string(), std::strerror(-result)), CutManner::rst);
  co_return result >= 0 && !ending_;
}

/// Until the initiator has had enough of it: the kernel takes what it sends, and nobody reads it.
Task<void> ProxiedConnection::stay_silent() {
  Task<std::int32_t> waiting =
      operations_.perform(Operation::poll(initiator_.get(), POLLRDHUP | POLLHUP | POLLERR));
  co_await waiting;
}

Task<void> ProxiedConnection::carry_both_ways() {
  Scope scope;
  for (const Way way : both_ways) {
    scope.spawn(read(way));
    scope.spawn(write(way));
  }
  co_await scope.join();
}

Task<void> ProxiedConnection::read(Way way) {
  Direction& here = direction(way);
  while (!ending_) {
    const std::span<std::byte> room = here.flow.room();
    if (room.empty()) {
      co_await here.changed.wait();
      continue;
    }
    Task<std::int32_t> receiving = operations_.perform(Operation::recv(source(way), room.data(), room.size()));
    const std::int32_t got = co_await receiving;
    if (ending_) break;
    if (got < 0) {
      const char* who = way == Way::out ? "the initiator" : "the server";
      give_up(fmt::format("{}: {}", who, std::strerror(-got)), CutManner::rst);
      break;
    }
    if (got == 0) {
      here.ended = true;
      here.flow.end();
    } else {
      here.flow.arrived(static_cast<std::size_t>(got), clock_now());
    }
    here.changed.pulse();
    if (got == 0) break;
  }
}

/// The sender has ended, all that it sent has gone, and nothing keeps the end itself back.
bool ProxiedConnection::nothing_follows(Way way, Instant now) {
  Direction& here = direction(way);
  const PathState& state = path_.rules().state(way);
  if (here.shut) return here.ended;
  return here.ended && !state.held && !state.swallowed && !here.flow.wakes(now);
}

Task<void> ProxiedConnection::write(Way way) {
  Direction& here = direction(way);
  Alarm alarm(path_.loop(), here.changed);
  while (!ending_) {
    const Instant now = clock_now();
    const std::span<const std::byte> bytes = here.flow.next(now);
    if (path_.took_a_step()) continue;
    if (bytes.empty()) {
      if (nothing_follows(way, now)) break;
      if (const std::optional<Instant> wakes = here.flow.wakes(now)) alarm.arm(*wakes);
      co_await here.changed.wait();
      continue;
    }
    const std::int32_t sent = co_await send(way, bytes);
    if (ending_) break;
    if (here.shut) continue;
    if (sent < 0) {
      give_up(fmt::format("{}: {}", way == Way::out ? "the server" : "the initiator", std::strerror(-sent)),
              CutManner::rst);
      break;
    }
    here.flow.sent(static_cast<std::size_t>(sent), clock_now());
    path_.took_a_step();
    here.changed.pulse();
  }
  if (!ending_) half_close(way);
  if (out_.shut && in_.shut && out_.ended && in_.ended) end(CutManner::fin);
}

Task<std::int32_t> ProxiedConnection::send(Way way, std::span<const std::byte> bytes) {
  iovec vector{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  Task<std::int32_t> sending = operations_.perform(Operation::sendmsg(receiver(way), &message, MSG_NOSIGNAL));
  const std::int32_t sent = co_await sending;
  co_return sent;
}

void ProxiedConnection::half_close(Way way) {
  Direction& here = direction(way);
  if (here.shut) return;
  here.shut = true;
  here.flow.shut();
  if (receiver(way) >= 0) ::shutdown(receiver(way), SHUT_WR);
}

void ProxiedConnection::give_up(const std::string& why, CutManner manner) {
  if (ending_) return;
  path_.listener().remark(fmt::format("connection {}: {}", number_, why));
  end(manner);
}

void ProxiedConnection::end(CutManner manner) {
  if (ending_) return;
  ending_ = true;
  manner_ = manner;
  operations_.cancel_all();
  look_again();
}

void ProxiedConnection::obey(const ConnectionOrder& order) {
  if (over_ || ending_) return;
  if (order.action == FaultAction::cut && (order.cut == CutManner::rst || !server_)) return end(order.cut);
  for (const Way way : both_ways)
    if (!order.way || order.way == way) half_close(way);
  look_again();
}

void ProxiedConnection::look_again() {
  out_.changed.pulse();
  in_.changed.pulse();
}

}  // namespace holdfast::initiator
