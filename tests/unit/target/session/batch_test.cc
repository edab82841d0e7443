#include "target/session/batch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace holdfast::target {
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

class BatchTest : public testing::Test {
 protected:
  CommandWindow window_{10, 13, 4};
  Numbers numbers_{window_, 100};
  Batch batch_;
};

TEST_F(BatchTest, StampsTheNumbersThatEachKindOfPduShows) {
  batch_.clear();
  batch_.add(iscsi::ScsiResponseBhs{}, StatSn::takes, numbers_);
  batch_.add(iscsi::R2tBhs{}, StatSn::shows, numbers_);
  batch_.add(iscsi::DataInBhs{}, StatSn::none, numbers_);
  batch_.add(iscsi::NopInBhs{}, StatSn::takes, numbers_);
  const std::string bytes = bytes_of(batch_);
  ASSERT_EQ(bytes.size(), 4 * iscsi::bhs_bytes);
  const std::uint32_t stat_sn[] = {100, 101, 0, 101};
  for (std::size_t i = 0; i < 4; ++i) {
    iscsi::HeaderBytes header;
    std::memcpy(header.data(), bytes.data() + i * iscsi::bhs_bytes, iscsi::bhs_bytes);
    const auto shown = std::bit_cast<iscsi::NopInBhs>(header);
    EXPECT_EQ(shown.stat_sn, stat_sn[i]) << i;
    EXPECT_EQ(shown.exp_cmd_sn, 10u);
    EXPECT_EQ(shown.max_cmd_sn, 13u);
  }
  EXPECT_EQ(numbers_.stat_sn, 102u);
}

TEST_F(BatchTest, GoesOnWhereTheKernelStopped) {
  // Goal: whatever part of a batch a send takes, the rest is what comes next. Method: every split.
  const std::string one = "some data", two = "more";
  std::string whole;
  for (std::size_t first = 0; first <= whole.size(); ++first) {
    batch_.clear();
    batch_.add(iscsi::NopInBhs{}, StatSn::none, numbers_);
    batch_.add_data(one.data(), one.size());
    batch_.pad(one.size());
    batch_.add(iscsi::NopInBhs{}, StatSn::none, numbers_);
    batch_.add_data(two.data(), two.size());
    batch_.pad(two.size());
    whole = bytes_of(batch_);
    ASSERT_EQ(whole.size(), 48u + 12 + 48 + 4);
    batch_.consumed(first);
    EXPECT_EQ(bytes_of(batch_), whole.substr(first)) << first << " bytes were sent";
  }
  EXPECT_EQ(batch_.message(), nullptr) << "all of it was";
}

TEST_F(BatchTest, SaysWhenItHasNoMoreRoom) {
  batch_.clear();
  std::size_t pdus = 0;
  for (; batch_.has_room(0); ++pdus) batch_.add(iscsi::R2tBhs{}, StatSn::shows, numbers_);
  EXPECT_EQ(pdus, Batch::headers_max);
  batch_.clear();
  const std::string data(Batch::bytes_enough, 'x');
  EXPECT_TRUE(batch_.has_room(1));
  batch_.add(iscsi::DataInBhs{}, StatSn::none, numbers_);
  batch_.add_data(data.data(), data.size());
  EXPECT_FALSE(batch_.has_room(1)) << "it holds enough for one send";
}

}  // namespace
}  // namespace holdfast::target
