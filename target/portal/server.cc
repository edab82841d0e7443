#include "target/portal/server.h"

#include <malloc.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "common/base/log.h"
#include "target/session/discovery.h"
#include "target/session/session.h"

namespace holdfast::target {
namespace {

constexpr Duration trim_after = std::chrono::seconds(1);

PortalTable addresses_of(const std::vector<OpenPortal>& portals) {
  std::vector<Portal> all;
  for (const OpenPortal& portal : portals)
    all.push_back({.address = local_address(portal.socket.get()), .group = portal.group});
  return PortalTable(std::move(all));
}

}  // namespace

Server::Server(Loop& loop, const TargetTable& targets, std::vector<OpenPortal> portals)
    : Timer(loop),
      loop_(loop),
      targets_(targets),
      memory_(loop),
      recorder_(loop),
      portals_(addresses_of(portals)),
      desk_(targets, portals_, sessions_),
      heap_trim_(loop) {
  Listener::Owner& self = *this;
  for (OpenPortal& portal : portals)
    listeners_.push_back(std::make_unique<Listener>(loop, std::move(portal.socket), self));
}

Server::~Server() = default;

void Server::start() {
  for (const std::unique_ptr<Listener>& listener : listeners_) listener->start();
}

std::vector<SocketAddress> Server::addresses() const {
  std::vector<SocketAddress> addresses;
  for (const std::unique_ptr<Listener>& listener : listeners_)
    addresses.push_back(listener->address());
  return addresses;
}

void Server::accepted(Fd fd) {
  const SocketAddress peer = peer_address(fd.get());
  if (peer.port() == 0) {
    // It was reset before we got to it: nobody is there, and nobody can be named.
    if (std::has_single_bit(++gone_)) log(LogLevel::info, "{} connections so far were reset before they were accepted", gone_);
    return;
  }
  const Doorkeeper::Entry entry = door_.enter(peer.host());
  if (entry.evicted) evict(*entry.evicted);
  set_no_delay(fd.get());
  set_keep_alive(fd.get());
  settle_congestion_control(fd.get());
  without_session_.emplace(entry.ticket, fd.get());
  Task<void> serving = serve(std::move(fd), entry.ticket, find_seat());
  connections_.spawn(std::move(serving));
}

Seat Server::find_seat() {
  if (loop_.threads() == 1) return Seat(loop_, 0);
  std::vector<ThreadLoad> loads;
  for (unsigned thread = 0; thread < loop_.threads(); ++thread)
    loads.push_back({.connections = loop_.seats(thread), .processor_time = loop_.processor_time(thread)});
  return Seat(loop_, placement_.choose(loop_.now(), loads));
}

void Server::out_of_descriptors() {
  const std::optional<Doorkeeper::Ticket> oldest = door_.evict_oldest();
  if (oldest) evict(*oldest);
}

void Server::evict(Doorkeeper::Ticket ticket) {
  const int fd = without_session_.at(ticket);
  ::shutdown(fd, SHUT_RDWR);  // Its login fails, and then it is closed.
  if (std::has_single_bit(++evicted_)) {  // A flood must not fill the log as well.
    log(LogLevel::warning,
        "too many connections without a session: {} closed so far, this one from {}", evicted_,
        peer_address(fd).to_string());
  }
}

Task<void> Server::serve(Fd fd, Doorkeeper::Ticket ticket, Seat seat) {
  co_await loop_.move_to(seat.thread());
  const int number = fd.get();
  Result<LoginOutcome> login = co_await log_in(loop_, number, desk_);
  if (login && login->is_discovery()) {
    LoginOutcome discovery = std::move(*login);
    co_await serve_discovery(loop_, number, desk_, discovery);
    login = Error{ErrorKind::peer_closed, 0, "the discovery is over"};
  }
  door_.leave(ticket);
  without_session_.erase(ticket);
  if (login) {
    LoginOutcome session = std::move(*login);
    co_await serve_session(std::move(fd), std::move(session), std::move(seat));
  }
  fd.reset();
  for (const std::unique_ptr<Listener>& listener : listeners_) listener->descriptor_freed();
  if (!heap_trim_.armed()) heap_trim_.arm(clock_now() + trim_after);
}

void Server::HeapTrim::expire() { ::malloc_trim(0); }

/// A connection has a seat of its own, for as long as it lives.
Task<void> Server::serve_session(Fd fd, LoginOutcome login, Seat seat) {
  if (login.joins) {
    sessions_.join(std::move(fd), std::move(login));
    co_return;
  }
  const std::uint16_t tsih = login.tsih;
  if (!sessions_.is_superseded(tsih)) {
    ScsiTarget& device = *targets_.find(login.target->name)->device;  // Were it removed, we were superseded.
    const std::uint32_t index = sessions_.index(tsih);
    auto session = std::make_unique<Session>(loop_, std::move(fd), std::move(login), index, device,
                                             memory_, desk_, recorder_);
    seat.leave();
    sessions_.attach(tsih, *session);
    if (draining_) session->drain();
    co_await session->run();
  }
  sessions_.remove(tsih);
}

Task<void> Server::drain(std::function<void()> give_up) {
  draining_ = true;
  give_up_ = std::move(give_up);
  for (const std::unique_ptr<Listener>& listener : listeners_) listener->stop();
  for (const auto& [ticket, fd] : without_session_) ::shutdown(fd, SHUT_RDWR);
  sessions_.drain_all();
  arm(clock_now() + drain_max);
  co_await connections_.join();
  disarm();
  for (const std::unique_ptr<Listener>& listener : listeners_) co_await listener->stopped();
}

void Server::expire() {
  if (!dropped_) {
    dropped_ = true;
    log(LogLevel::warning, "commands are still running: aborting them");
    sessions_.drop_all("the daemon ends");
    arm(clock_now() + abort_max);
    return;
  }
  log(LogLevel::error, "giving up on {} sessions whose commands are stuck in a store",
      sessions_.size());
  give_up_();
}

}  // namespace holdfast::target
