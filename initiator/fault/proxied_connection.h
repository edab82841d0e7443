#pragma once

#include <cstdint>
#include <string>

#include "initiator/fault/proxy.h"

namespace holdfast::initiator {

/// One connection through the proxy: a socket to the initiator, one to the server, and for each way one
/// coroutine that reads and one that writes.
class ProxiedConnection {
 public:
  ProxiedConnection(FaultPath& path, std::uint64_t number, Fd initiator, const SocketAddress& server,
                    ConnectionFate fate, PerWay<Allowance>& allowances);

  /// All of its life.
  Task<void> run();
  /// Ends it: `fin` lets both ends see the end of the stream first.
  void end(CutManner manner);
  void obey(const ConnectionOrder& order);
  /// The rules have changed.
  void look_again();

  std::uint64_t number() const { return number_; }
  bool over() const { return over_; }

 private:
  /// One way of it.
  struct Direction {
    Direction(ProxiedConnection& connection, Way way, Allowance& allowance);
    Flow flow;
    Event changed;
    bool ended = false;  // its sender sends no more
    bool shut = false;   // its receiver was told so
  };
  /// Wakes a direction's writer when something that waited may go.
  class Alarm final : public Timer {
   public:
    Alarm(Loop& loop, Event& event) : Timer(loop), event_(event) {}
    ~Alarm() = default;

   private:
    void expire() override { event_.pulse(); }
    Event& event_;
  };

  Direction& direction(Way way) { return way == Way::out ? out_ : in_; }
  int source(Way way) const { return way == Way::out ? initiator_.get() : server_.get(); }
  int receiver(Way way) const { return way == Way::out ? server_.get() : initiator_.get(); }
  Task<bool> connect();
  Task<void> stay_silent();
  Task<void> carry_both_ways();
  Task<void> read(Way way);
  Task<void> write(Way way);
  Task<std::int32_t> send(Way way, std::span<const std::byte> bytes);
  void half_close(Way way);
  bool nothing_follows(Way way, Instant now);
  void give_up(const std::string& why, CutManner manner);

  FaultPath& path_;
  const std::uint64_t number_;
  Fd initiator_;
  Fd server_;
  const SocketAddress address_;
  const ConnectionFate fate_;
  Framing framing_;
  Cancellable operations_;
  Direction out_;
  Direction in_;
  bool ending_ = false;
  CutManner manner_ = CutManner::fin;
  bool over_ = false;
};

}  // namespace holdfast::initiator
