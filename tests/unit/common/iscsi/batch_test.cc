#include "common/iscsi/batch.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::iscsi {
namespace {

/// What is left of the batch, as the kernel would read it.
std::string bytes_of(Batch& batch) {
  std::string bytes;
  const msghdr* message = batch.message();
  if (message == nullptr) return bytes;
  for (std::size_t i = 0; i < message->msg_iovlen; ++i) {
    bytes.append(static_cast<const char*>(message->msg_iov[i].iov_base),
                 message->msg_iov[i].iov_len);
  }
  return bytes;
}

void add_with_data(Batch& batch, const std::string& data) {
  batch.add(NopInBhs{});
  batch.add_data(data.data(), data.size());
  batch.pad(data.size());
}

TEST(Batch, GoesOnWhereTheKernelStopped) {
  // Goal: whatever part of a batch a send takes, the rest is what comes next. Method: every split.
  const std::string one = "some data", two = "more";
  Batch batch({});
  std::string whole;
  for (std::size_t first = 0; first <= whole.size(); ++first) {
    batch.clear();
    add_with_data(batch, one);
    add_with_data(batch, two);
    whole = bytes_of(batch);
    ASSERT_EQ(whole.size(), 48u + 12 + 48 + 4);
    batch.consumed(first);
    EXPECT_EQ(bytes_of(batch), whole.substr(first)) << first << " bytes were sent";
  }
  EXPECT_EQ(batch.message(), nullptr) << "all of it was";
}

TEST(Batch, SaysWhenItHasNoMoreRoom) {
  Batch batch({});
  std::size_t pdus = 0;
  for (; batch.has_room(0); ++pdus) batch.add(R2tBhs{});
  EXPECT_EQ(pdus, Batch::headers_max);
  batch.clear();
  const std::string data(Batch::bytes_enough, 'x');
  EXPECT_TRUE(batch.has_room(1));
  add_with_data(batch, data);
  EXPECT_FALSE(batch.has_room(1)) << "it holds enough for one send";
}

TEST(Batch, HasRoomForAsManyPiecesAsItSays) {
  Batch batch({.header = true, .data = true});
  batch.add(R2tBhs{});
  const std::size_t pieces = batch.pieces_max();
  EXPECT_TRUE(batch.has_room(pieces));
  EXPECT_FALSE(batch.has_room(pieces + 1));
  std::string data(pieces, 'x');
  std::vector<iovec> places;
  for (char& byte : data) places.push_back({&byte, 1});
  MemoryCursor cursor(places);
  batch.add(DataInBhs{});
  batch.add_segment(cursor, data.size());
  EXPECT_FALSE(batch.has_room(0));
}

TEST(Batch, DigestsFollowWhatTheyAreOf) {
  Batch batch({.header = true, .data = true});
  std::string one = "abc", two = "defgh";
  iovec pieces[] = {{one.data(), one.size()}, {two.data(), two.size()}};
  MemoryCursor cursor(pieces);
  batch.add(NopInBhs{});
  batch.add_segment(cursor, 7);
  batch.add(NopInBhs{});
  const std::string bytes = bytes_of(batch);
  ASSERT_EQ(bytes.size(), 48u + 4 + 8 + 4 + 48 + 4);
  const auto digest_of = [&](std::size_t at, std::size_t count) {
    Crc32c crc;
    crc.add(std::as_bytes(std::span(bytes).subspan(at, count)));
    const DigestBytes wire = crc.wire();
    return std::string(reinterpret_cast<const char*>(wire.data()), wire.size());
  };
  EXPECT_EQ(bytes.substr(48, 4), digest_of(0, 48));
  EXPECT_EQ(bytes.substr(52, 8), std::string("abcdefg\0", 8));
  EXPECT_EQ(bytes.substr(60, 4), digest_of(52, 8));
  EXPECT_EQ(bytes.substr(112, 4), digest_of(64, 48)) << "an empty segment has no digest";
}

}  // namespace
}  // namespace holdfast::iscsi
