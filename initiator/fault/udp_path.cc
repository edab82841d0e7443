#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "initiator/fault/datagram_flow.h"
#include "initiator/fault/proxy.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t senders_most = 256;
constexpr std::size_t datagram_bytes_most = 65536;
/// Where nothing else ends a turn.
constexpr int datagrams_a_turn = 64;

Result<Fd> open_udp(const SocketAddress& address) {
  Fd fd(::socket(address.get()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::from_errno(errno, "open a UDP socket");
  return fd;
}

/// Somebody whose datagrams go to the server by a socket of his own, so that answers find him.
struct Sender {
  Sender(Loop& loop, std::uint64_t sender_number, const SocketAddress& from, Fd to_server, FaultRules& rules,
         PerWay<Allowance>& allowances)
      : number(sender_number),
        address(from),
        server(std::move(to_server)),
        operations(loop),
        out(Way::out, sender_number, rules, allowances[Way::out]),
        in(Way::in, sender_number, rules, allowances[Way::in]) {}

  const std::uint64_t number;
  const SocketAddress address;
  Fd server;
  Cancellable operations;
  DatagramFlow out;
  DatagramFlow in;
  Instant last_heard{};
  bool over = false;
};

class UdpPath final : public FaultPath {
 public:
  UdpPath(Loop& loop, FaultRules& rules, FaultListener& listener, Fd socket, const SocketAddress& server)
      : FaultPath(loop, rules, listener), socket_(std::move(socket)), server_(server), receiving_(loop), alarm_(*this) {}

  Task<void> serve() override {
    while (!stopped_) {
      Task<std::int32_t> waiting = receiving_.perform(Operation::poll(socket_.get(), POLLIN));
      const std::int32_t ready = co_await waiting;
      if (ready < 0 || stopped_) continue;
      take_what_came();
      std::erase_if(senders_, [](const auto& sender) { return sender->over; });
    }
    co_await scope_.join();
  }

  void stop() override {
    stopped_ = true;
    receiving_.cancel_all();
    for (const auto& sender : senders_) sender->operations.cancel_all();
  }

 private:
  class Alarm final : public holdfast::Timer {
   public:
    explicit Alarm(UdpPath& path) : holdfast::Timer(path.loop()), path_(path) {}
    ~Alarm() = default;

   private:
    void expire() override { path_.send_what_may_go(); }
    UdpPath& path_;
  };

  void take_what_came() {
    for (int i = 0; i < datagrams_a_turn; ++i) {
      sockaddr_storage from{};
      socklen_t bytes = sizeof from;
      const ssize_t got = ::recvfrom(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&from), &bytes);
      if (got < 0) break;
      Sender* sender = sender_at(SocketAddress::from(from));
      if (sender == nullptr) continue;
      sender->last_heard = clock_now();
      sender->out.arrived(std::span(buffer_).first(static_cast<std::size_t>(got)), sender->last_heard);
    }
    rules_changed();
  }

  Sender* sender_at(const SocketAddress& address) {
    const std::string name = address.to_string();
    for (const auto& sender : senders_)
      if (!sender->operations.cancelled() && sender->address.to_string() == name) return sender.get();
    if (senders_.size() >= senders_most) end_the_quietest();
    Result<Fd> fd = open_udp(server_);
    if (fd && ::connect(fd->get(), server_.get(), server_.bytes()) != 0)
      fd = Error::from_errno(errno, "reach " + server_.to_string());
    if (!fd) {
      listener().remark(fd.error().message);
      return nullptr;
    }
    rules().connection_came(++came_, clock_now());
    senders_.push_back(std::make_unique<Sender>(loop(), came_, address, std::move(*fd), rules(), allowances_));
    listener().remark(fmt::format("sender {} is {}", came_, name));
    scope_.spawn(receive_answers(*senders_.back()));
    return senders_.back().get();
  }

  void end_the_quietest() {
    const auto quietest = std::min_element(senders_.begin(), senders_.end(), [](const auto& one, const auto& other) {
      return one->last_heard < other->last_heard;
    });
    (*quietest)->operations.cancel_all();
  }

  Task<void> receive_answers(Sender& sender) {
    while (!sender.operations.cancelled()) {
      Task<std::int32_t> waiting = sender.operations.perform(Operation::poll(sender.server.get(), POLLIN));
      const std::int32_t ready = co_await waiting;
      if (ready < 0) continue;
      for (int i = 0; i < datagrams_a_turn; ++i) {
        const ssize_t got = ::recv(sender.server.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got < 0) break;
        sender.in.arrived(std::span(buffer_).first(static_cast<std::size_t>(got)), clock_now());
      }
      rules_changed();
    }
    sender.over = true;
  }

  void carry_out(const ConnectionOrder&) override {}
  void look_again() override { send_what_may_go(); }

  void send_what_may_go() {
    std::optional<Instant> next;
    for (const auto& sender : senders_) {
      while (const std::vector<std::byte>* bytes = sender->out.next(clock_now())) {
        ::send(sender->server.get(), bytes->data(), bytes->size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        sender->out.sent(clock_now());
      }
      while (const std::vector<std::byte>* bytes = sender->in.next(clock_now())) {
        ::sendto(socket_.get(), bytes->data(), bytes->size(), MSG_DONTWAIT | MSG_NOSIGNAL, sender->address.get(),
                 sender->address.bytes());
        sender->in.sent(clock_now());
      }
      for (const std::optional<Instant> wakes : {sender->out.wakes(clock_now()), sender->in.wakes(clock_now())})
        if (wakes && (!next || *wakes < *next)) next = wakes;
    }
    if (next) alarm_.arm(*next);
    arm_for_next_step();
    for (const FaultEvent& event : rules().take_events()) listener().happened(event);
  }

  Fd socket_;
  const SocketAddress server_;
  Cancellable receiving_;
  Alarm alarm_;
  PerWay<Allowance> allowances_;
  std::vector<std::unique_ptr<Sender>> senders_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(datagram_bytes_most);
  std::uint64_t came_ = 0;
  bool stopped_ = false;
  Scope scope_;
};

}  // namespace

Result<Fd> bind_udp(const SocketAddress& address) {
  Result<Fd> fd = open_udp(address);
  if (!fd) return fd;
  if (::bind(fd->get(), address.get(), address.bytes()) != 0)
    return Error::from_errno(errno, "listen on " + address.to_string());
  return fd;
}

std::unique_ptr<FaultPath> make_udp_path(Loop& loop, FaultRules& rules, FaultListener& listener, Fd listening,
                                         const SocketAddress& server) {
  return std::make_unique<UdpPath>(loop, rules, listener, std::move(listening), server);
}

}  // namespace holdfast::initiator
