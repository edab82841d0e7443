#include "initiator/tree/rpc_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

namespace holdfast::initiator {
namespace {

using testing::HasSubstr;

std::vector<std::byte> words(std::initializer_list<std::uint32_t> values) {
  std::vector<std::byte> message;
  for (const std::uint32_t value : values) append_be32(message, value);
  return message;
}

TEST(RpcMessage, ACallSaysWhoAsksForWhat) {
  std::vector<std::byte> message;
  append_call(message, 77, nfs3_program, 6, {.machine = "me", .uid = 5, .gid = 9});
  std::vector<std::byte> expected = words({0, 77, 0, 2, 100003, 3, 6, 1, 24, 0});
  append_opaque(expected, std::as_bytes(std::span(std::string_view("me"))));
  for (const std::uint32_t word : {5U, 9U, 0U, 0U, 0U}) append_be32(expected, word);
  EXPECT_EQ(message, expected);
}

TEST(RpcMessage, ResultsFollowTheHeadOfAGoodReply) {
  std::vector<std::byte> reply = words({77, 1, 0, 0, 4, 0xAAAA'AAAA, 0, 42});
  EXPECT_EQ(*reply_xid(reply), 77U);
  const Result<std::span<std::byte>> results = reply_results(reply);
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ(results->size(), 4U);
}

TEST(RpcMessage, EveryRefusalIsSaidInWords) {
  const std::pair<std::vector<std::byte>, const char*> refusals[] = {
      {words({77, 1, 0, 0, 0, 1}), "does not serve this program"},
      {words({77, 1, 0, 0, 0, 2, 3, 4}), "does not serve this version, only 3 to 4"},
      {words({77, 1, 1, 1, 5}), "a stronger authentication is asked for"},
      {words({77, 1, 1, 0, 2, 2}), "RPC version 2"},
  };
  for (auto [reply, expected] : refusals) {
    const Result<std::span<std::byte>> results = reply_results(reply);
    ASSERT_FALSE(results);
    EXPECT_THAT(results.error().message, HasSubstr(expected));
  }
}

TEST(RpcMessage, AReplyCutShortAnywhereIsAnError) {
  const std::vector<std::byte> whole = words({77, 1, 0, 0, 4, 1, 0});
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += 2) {
    std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<long>(bytes));
    const bool believed = reply_xid(cut).ok() && reply_results(cut).ok();
    EXPECT_FALSE(believed) << bytes;
  }
  std::vector<std::byte> endless = words({77, 1, 0, 0, 0xFFFF'FFFF, 0, 0});
  EXPECT_FALSE(reply_results(endless));
  EXPECT_FALSE(reply_xid(words({77, 0})));
}

}  // namespace
}  // namespace holdfast::initiator
