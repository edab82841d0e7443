#include "common/iscsi/batch_sender.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>

#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"

namespace holdfast::iscsi {
namespace {

class BatchSenderTest : public testing::Test, public BatchSender::Owner {
 protected:
  BatchSenderTest() : loop_(Loop::create().value()) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    ours_ = Fd(ends[0]);
    theirs_ = Fd(ends[1]);
    sender_ = std::make_unique<BatchSender>(*loop_, ours_.get(), Digests{}, *this);
  }

  /// Puts into the batch more than the socket has room for, and sends it.
  void send_much() {
    sender_->batch().clear();
    sender_->batch().add(DataInBhs{});
    sender_->batch().add_data(data_.data(), data_.size());
    sender_->send();
  }

  Task<void> read_all() {
    send_much();
    std::string bytes(100'000, '\0');
    while (!gone_.is_set()) {
      for (ssize_t got; (got = ::recv(theirs_.get(), bytes.data(), bytes.size(), 0)) > 0;)
        heard_.append(bytes, 0, static_cast<std::size_t>(got));
      co_await sleep_for(*loop_, std::chrono::microseconds(100));
    }
  }

  Task<void> read_nothing() {
    send_much();
    co_await sleep_for(*loop_, std::chrono::milliseconds(5));
    EXPECT_TRUE(sender_->in_flight());
    sender_->stop();
    co_await gone_.wait();
  }

  Task<void> nobody_is_there() {
    theirs_.reset();
    send_much();
    co_await gone_.wait();
  }

  void batch_gone(int error) override {
    error_ = error;
    gone_.set();
  }

  std::unique_ptr<Loop> loop_;
  Fd ours_, theirs_;
  std::unique_ptr<BatchSender> sender_;
  const std::string data_ = std::string(1'000'000, 'd');
  std::string heard_;
  int error_ = -1;
  Event gone_;
};

TEST_F(BatchSenderTest, SendsAllOfItHoweverLittleRoomThereIs) {
  loop_->run(read_all());
  char rest[1000];
  for (ssize_t got; (got = ::recv(theirs_.get(), rest, sizeof rest, 0)) > 0;) heard_.append(rest, static_cast<std::size_t>(got));
  EXPECT_EQ(error_, 0);
  EXPECT_EQ(heard_.size(), bhs_bytes + data_.size());
  EXPECT_EQ(sender_->bytes_sent(), heard_.size());
}

TEST_F(BatchSenderTest, GivesUpWhatIsInFlight) {
  loop_->run(read_nothing());
  EXPECT_EQ(error_, ECANCELED);
  EXPECT_FALSE(sender_->in_flight());
}

TEST_F(BatchSenderTest, SaysWhyNothingCanBeSent) {
  loop_->run(nobody_is_there());
  EXPECT_EQ(error_, EPIPE);
}

}  // namespace
}  // namespace holdfast::iscsi
