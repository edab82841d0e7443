#include <fmt/format.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "initiator/fault/proxied_connection.h"
#include "initiator/fault/proxy.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t connections_most = 1024;
constexpr Duration pause_after_failure = std::chrono::milliseconds(200);

class TcpPath final : public FaultPath {
 public:
  TcpPath(Loop& loop, FaultRules& rules, FaultListener& listener, Fd listening, const SocketAddress& server)
      : FaultPath(loop, rules, listener), listening_(std::move(listening)), server_(server), accepting_(loop) {
    ::fcntl(listening_.get(), F_SETFL, ::fcntl(listening_.get(), F_GETFL) | O_NONBLOCK);
  }

  Task<void> serve() override {
    while (!stopped_) {
      Task<std::int32_t> accepting = accepting_.perform(Operation::poll(listening_.get(), POLLIN));
      const std::int32_t ready = co_await accepting;
      if (ready < 0 || stopped_) continue;
      const bool taken = take_one();
      if (!taken) co_await sleep_for(loop(), pause_after_failure);
      forget_the_gone();
    }
    co_await scope_.join();
    forget_the_gone();
  }

  void stop() override {
    stopped_ = true;
    accepting_.cancel_all();
    for (const auto& connection : connections_) connection->end(CutManner::rst);
  }

 private:
  bool take_one() {
    Fd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return errno == EAGAIN || errno == ECONNABORTED;
    const Instant now = clock_now();
    const std::uint64_t number = ++came_;
    ConnectionFate fate = rules().connection_came(number, now);
    if (connections_.size() >= connections_most) fate = ConnectionFate::refuse;
    constexpr std::array words = {"", ", and will hear nothing", ", and is refused"};
    listener().remark(fmt::format("connection {} from {}{}", number, peer_address(fd.get()).to_string(),
                                  words[static_cast<std::size_t>(fate)]));
    connections_.push_back(std::make_unique<ProxiedConnection>(*this, number, std::move(fd), server_, fate, allowances_));
    rules_changed();
    scope_.spawn(connections_.back()->run());
    return true;
  }

  void forget_the_gone() {
    std::erase_if(connections_, [](const auto& connection) { return connection->over(); });
  }

  void carry_out(const ConnectionOrder& order) override {
    for (const auto& connection : connections_)
      if (order.connection == 0 || order.connection == connection->number()) connection->obey(order);
  }

  void look_again() override {
    for (const auto& connection : connections_) connection->look_again();
  }

  Fd listening_;
  const SocketAddress server_;
  Cancellable accepting_;
  PerWay<Allowance> allowances_;
  std::vector<std::unique_ptr<ProxiedConnection>> connections_;
  std::uint64_t came_ = 0;
  bool stopped_ = false;
  Scope scope_;
};

}  // namespace

std::unique_ptr<FaultPath> make_tcp_path(Loop& loop, FaultRules& rules, FaultListener& listener, Fd listening,
                                         const SocketAddress& server) {
  return std::make_unique<TcpPath>(loop, rules, listener, std::move(listening), server);
}

}  // namespace holdfast::initiator
