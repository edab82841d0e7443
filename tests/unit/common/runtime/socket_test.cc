#include "common/runtime/socket.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(SocketAddress, ReadsAndSpellsBothFamilies) {
  EXPECT_EQ(SocketAddress::parse("127.0.0.1", 3260)->to_string(), "127.0.0.1:3260");
  EXPECT_EQ(SocketAddress::parse("[::1]", 3260)->to_string(), "[::1]:3260");
  EXPECT_EQ(SocketAddress::parse("::1", 1)->host(), "::1");
  EXPECT_TRUE(SocketAddress::parse("127.8.8.8", 1)->is_loopback());
  EXPECT_TRUE(SocketAddress::parse("0.0.0.0", 1)->is_any());
  EXPECT_FALSE(SocketAddress::parse("192.0.2.1", 1)->is_loopback());
}

TEST(SocketAddress, RefusesANameWithWords) {
  Result<SocketAddress> address = SocketAddress::parse("localhost", 1);
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().message, "'localhost' is not an IPv4 or IPv6 address");
}

TEST(OpenTcp, DoesNotPaceWhatStaysOnThisMachine) {
  Result<Fd> socket = open_tcp(*SocketAddress::parse("127.0.0.1", 0));
  ASSERT_TRUE(socket);
  const std::string chosen = congestion_control(socket->get());
  EXPECT_FALSE(chosen.empty());
  EXPECT_FALSE(chosen.starts_with("bbr"));
}

TEST(OpenTcp, LeavesTheSystemsChoiceToAllElse) {
  Result<Fd> socket = open_tcp(*SocketAddress::parse("192.0.2.1", 0));
  const Fd plain(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(socket);
  EXPECT_EQ(congestion_control(socket->get()), congestion_control(plain.get()));
}

TEST(ListenTcp, AcceptsFromThisMachineWithoutPacing) {
  Result<Fd> listening = listen_tcp(*SocketAddress::parse("0.0.0.0", 0));
  ASSERT_TRUE(listening);
  const SocketAddress there = *SocketAddress::parse("127.0.0.1", local_address(listening->get()).port());
  Result<Fd> theirs = open_tcp(there);
  ASSERT_TRUE(theirs);
  ASSERT_EQ(::connect(theirs->get(), there.get(), there.bytes()), 0);
  const Fd ours(::accept(listening->get(), nullptr, nullptr));
  ASSERT_TRUE(ours);
  settle_congestion_control(ours.get());
  EXPECT_EQ(congestion_control(ours.get()), congestion_control(theirs->get()));
}

TEST(ListenTcp, SaysWhichAddressIsBusy) {
  Result<Fd> first = listen_tcp(*SocketAddress::parse("127.0.0.1", 0));
  ASSERT_TRUE(first);
  const SocketAddress busy = local_address(first->get());
  Result<Fd> second = listen_tcp(busy);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "listen on " + busy.to_string() + ": Address already in use");
}

}  // namespace
}  // namespace holdfast
