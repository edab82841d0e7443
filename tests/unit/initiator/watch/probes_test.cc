// What asks the peer beside the data path: a connection of its own, and datagrams.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "common/base/echo_datagram.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "initiator/watch/echo_asker.h"
#include "initiator/watch/knocker.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;

const SocketAddress loopback = SocketAddress::parse("127.0.0.1", 0).value();

std::unique_ptr<Loop> new_loop() { return Loop::create().value(); }

/// Knocks, waits until `done` says so or ten seconds are over, and ends.
template <typename Done>
Task<void> knock_until(Loop& loop, Knocker& knocker, const PeerDoor& door, Done done) {
  knocker.knock(door, clock_now());
  for (int i = 0; i < 1000 && !done(); ++i) co_await sleep_for(loop, milliseconds(10));
  co_await knocker.stop();
}

TEST(Knocker, CountsAnAnswer) {
  const std::unique_ptr<Loop> loop = new_loop();
  const Fd listener = listen_tcp(loopback).value();
  Knocker knocker(*loop);
  PeerDoor door;
  door.peer = local_address(listener.get());
  door.hello = {std::byte{'h'}, std::byte{'i'}};
  Fd taken;
  loop->run(knock_until(*loop, knocker, door, [&] {
    if (!taken && knocker.count(clock_now()).connected > 0) {
      taken = Fd(::accept(listener.get(), nullptr, nullptr));
      char hello[2];
      EXPECT_EQ(::recv(taken.get(), hello, 2, MSG_WAITALL), 2);
      EXPECT_EQ(std::memcmp(hello, "hi", 2), 0);
      EXPECT_EQ(::send(taken.get(), "x", 1, 0), 1);
    }
    return knocker.idle();
  }));
  const KnockCount count = knocker.count(clock_now());
  EXPECT_EQ(count.tried, 1U);
  EXPECT_EQ(count.connected, 1U);
  EXPECT_EQ(count.answered, 1U);
  EXPECT_EQ(count.waiting, Duration(0));
}

TEST(Knocker, WaitsForAPeerWhoseMachineTakesConnectionsAndWhoseProcessDoesNotRun) {
  const std::unique_ptr<Loop> loop = new_loop();
  const Fd listener = listen_tcp(loopback).value();  // nobody accepts
  Knocker knocker(*loop);
  PeerDoor door;
  door.peer = local_address(listener.get());
  KnockCount seen;
  loop->run(knock_until(*loop, knocker, door, [&] {
    seen = knocker.count(clock_now());
    return seen.waiting >= milliseconds(100);
  }));
  EXPECT_EQ(seen.connected, 1U);
  EXPECT_EQ(seen.answered, 0U);
  EXPECT_GE(seen.waiting, milliseconds(100));
  EXPECT_TRUE(knocker.idle()) << "and can be given up all the same";
}

TEST(Knocker, ARefusalIsNoSilence) {
  const std::unique_ptr<Loop> loop = new_loop();
  Fd listener = listen_tcp(loopback).value();
  PeerDoor door;
  door.peer = local_address(listener.get());
  listener.reset();
  Knocker knocker(*loop);
  loop->run(knock_until(*loop, knocker, door, [&] { return knocker.idle(); }));
  const KnockCount count = knocker.count(clock_now());
  EXPECT_EQ(count.refused, 1U);
  EXPECT_EQ(count.connecting, Duration(0));
}

/// A port that sends datagrams back when it is told to, as holdfastd's does.
class Echo {
 public:
  Echo() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    EXPECT_EQ(::bind(socket_.get(), loopback.get(), loopback.bytes()), 0);
  }
  std::uint16_t port() const { return local_address(socket_.get()).port(); }
  /// Takes in what came, and answers it unless it is `mute`.
  void turn(bool mute) {
    EchoDatagram datagram;
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    while (::recvfrom(socket_.get(), &datagram, sizeof datagram, 0, reinterpret_cast<sockaddr*>(&from), &length) ==
           sizeof datagram) {
      datagram.received = ++received_;
      if (!mute) ::sendto(socket_.get(), &datagram, sizeof datagram, 0, reinterpret_cast<sockaddr*>(&from), length);
    }
  }

 private:
  Fd socket_;
  std::uint64_t received_ = 0;
};

TEST(EchoAsker, LearnsAfterwardsThatThePeerHadEveryDatagram) {
  // Goal: a loss of the answers alone is told from a loss of the questions, once an answer gets through.
  Echo echo;
  EchoAsker asker;
  asker.aim(loopback, echo.port());
  ASSERT_TRUE(asker.aimed());
  const auto ask = [&](int times, bool mute) {
    for (int i = 0; i < times; ++i) asker.send();
    echo.turn(mute);
    asker.listen(clock_now());
  };
  ask(3, false);
  EXPECT_EQ(asker.count().answered, 3U);
  EXPECT_EQ(asker.count().unanswered, 0U);
  ask(10, true);
  EXPECT_EQ(asker.count().answered, 3U);
  ask(1, false);
  EXPECT_EQ(asker.count().sent, 14U);
  EXPECT_EQ(asker.count().unanswered, 10U);
  EXPECT_EQ(asker.count().unanswered_received, 10U);
}

TEST(EchoAsker, WithoutAPortItAsksNobody) {
  EchoAsker asker;
  asker.send();
  asker.listen(clock_now());
  EXPECT_EQ(asker.count().sent, 0U);
}

}  // namespace
}  // namespace holdfast::initiator
