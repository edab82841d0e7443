// A device whose sessions break and come back, with sessions of the test's own making.

#include "initiator/device/reconnecting_device.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/runtime/loop.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A session that answers what the test wants answered, and breaks when it is told to.
class FakeSession final : public Device {
 public:
  struct Log {
    std::vector<std::string> requests;  // of all sessions: "1: write 4096"
    std::vector<FakeSession*> sessions;
  };

  FakeSession(Loop& loop, Log& log) : answers_(loop, 64), log_(log) {
    log_.sessions.push_back(this);
    number_ = log_.sessions.size();
  }

  std::uint64_t size() const override { return bytes; }
  std::uint32_t block_bytes() const override { return 512; }
  std::uint32_t transfer_bytes_max() const override { return 65536; }
  std::uint32_t depth_max() const override { return 8; }
  bool read_only() const override { return false; }
  std::string transport() const override { return "fake"; }
  std::map<std::string, std::string> negotiated() const override {
    return {{"write_cache", volatile_cache ? "Yes" : "No"}};
  }
  std::string last_error() const override { return broken_ ? "the cable was cut" : ""; }
  bool lost() const override { return broken_; }
  WireUse wire() const override { return {.requests = 1, .bytes_sent = 10, .bytes_received = 100}; }

  void submit(DeviceRequest& request) override {
    constexpr const char* names[] = {"read", "write", "flush", "unmap"};
    log_.requests.push_back(std::to_string(number_) + ": " + names[static_cast<int>(request.operation)] + " " +
                            std::to_string(request.offset));
    for (iovec& piece : request.vectors) piece = {nullptr, 0};  // As a device may.
    if (broken_ || answers_all)
      answers_.push(request, broken_ ? EPIPE : 0);
    else
      held_.push_back(&request);
  }
  void abandon() override {
    abandoned = true;
    while (!held_.empty()) answer(ECANCELED);
  }
  Task<void> close(Duration) override {
    closed = true;
    co_return;
  }
  std::size_t examine(std::span<ConnectionEvidence> into) const override {
    into.front() = {};
    into.front().ping = evidence;
    into.front().last_received = heard;
    return 1;
  }
  bool ping() override {
    if (!pings || evidence.asked > evidence.answered) return false;
    ++evidence.asked;
    evidence.last_asked = clock_now();
    return true;
  }

  /// Answers the oldest.
  void answer(int error) {
    DeviceRequest& request = *held_.front();
    held_.pop_front();
    answers_.push(request, error);
  }
  void cut() {
    broken_ = true;
    while (!held_.empty()) answer(EPIPE);
  }

  std::uint64_t bytes = 1 << 20;
  bool volatile_cache = false;
  bool answers_all = false;
  bool pings = false;
  bool abandoned = false;
  bool closed = false;
  PingEvidence evidence;
  Instant heard = clock_now();

 private:
  Answers answers_;
  Log& log_;
  std::size_t number_ = 0;
  bool broken_ = false;
  std::deque<DeviceRequest*> held_;
};

class ReconnectingDeviceTest : public testing::Test, public ReconnectListener {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
  }
  void TearDown() override {
    if (device_ != nullptr) loop_->run(device_->close(seconds(1)));
    device_.reset();
  }

  void begin(OldCommands old, Duration time = seconds(20)) {
    ReconnectingDevice::Options options;
    options.time = time;
    options.old_commands = old;
    options.silence_max = milliseconds(200);
    auto first = std::make_unique<FakeSession>(*loop_, log_);
    first->volatile_cache = volatile_cache_;
    first->pings = pings_;
    device_ = std::make_unique<ReconnectingDevice>(
        *loop_, std::move(first), [this](Duration) { return open_again(); }, options, this);
  }

  Task<Result<std::unique_ptr<Device>>> open_again() {
    ++attempts_;
    if (attempts_ <= refusals_) co_return Error{ErrorKind::system, ECONNREFUSED, "nobody is there"};
    auto session = std::make_unique<FakeSession>(*loop_, log_);
    session->volatile_cache = volatile_cache_;
    session->answers_all = next_answers_all_;
    session->bytes += other_disk_ ? 512 : 0;
    std::unique_ptr<Device> device = std::move(session);
    co_return device;
  }

  struct Asked {
    DeviceRequest request;
    iovec vector{};
    std::byte memory[512];
    bool done = false;
  };
  Asked& ask(DeviceOperation operation, std::uint64_t offset) {
    Asked& one = asked_.emplace_back();
    one.vector = {one.memory, sizeof one.memory};
    one.request.operation = operation;
    one.request.offset = offset;
    one.request.bytes = operation == DeviceOperation::flush ? 0 : 512;
    one.request.vectors = std::span(&one.vector, operation == DeviceOperation::flush ? 0 : 1);
    one.request.owner = &one;
    one.request.done = [](DeviceRequest& request) {
      auto* done = static_cast<Asked*>(request.owner);
      EXPECT_FALSE(done->done) << "answered once";
      done->done = true;
    };
    device_->submit(one.request);
    return one;
  }

  void turn() { loop_->run(pause(milliseconds(2))); }
  static Task<void> pause(Duration time) { co_await sleep_for(Loop::current(), time); }
  template <typename Condition>
  void wait_until(Condition reached) {
    for (int i = 0; i < 5000 && !reached(); ++i) turn();
    EXPECT_TRUE(reached());
  }
  FakeSession& session(std::size_t number) { return *log_.sessions.at(number - 1); }

  void reconnected(const Reconnection& reconnection) override { told_.push_back(reconnection); }

  std::unique_ptr<Loop> loop_;
  FakeSession::Log log_;
  std::unique_ptr<ReconnectingDevice> device_;
  std::deque<Asked> asked_;
  std::vector<Reconnection> told_;
  int attempts_ = 0;
  int refusals_ = 0;
  bool next_answers_all_ = true;
  bool other_disk_ = false;
  bool volatile_cache_ = false;
  bool pings_ = false;
};

using enum DeviceOperation;

TEST_F(ReconnectingDeviceTest, WhatWasInFlightGoesAgainInItsOrderBeforeAnythingNewer) {
  begin(OldCommands::end_first);
  refusals_ = 2;
  Asked& a = ask(write, 0);
  Asked& b = ask(read, 512);
  Asked& c = ask(write, 1024);
  turn();
  session(1).cut();
  turn();
  Asked& d = ask(write, 0);  // Newer, to the same block.
  wait_until([&] { return d.done; });
  EXPECT_TRUE(a.done && b.done && c.done);
  for (const Asked& one : asked_) EXPECT_EQ(one.request.error, 0);
  EXPECT_EQ(log_.requests, (std::vector<std::string>{"1: write 0", "1: read 512", "1: write 1024", "2: write 0",
                                                     "2: read 512", "2: write 1024", "2: write 0"}));
  EXPECT_EQ(a.vector.iov_len, 512U) << "the request's memory is its owner's";
  EXPECT_FALSE(device_->lost());
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0].words, "the cable was cut; back after 3 attempts, 4 requests sent again");
  EXPECT_GT(told_[0].lasted, milliseconds(250)) << "100 and 200 ms between the attempts";
  EXPECT_EQ(device_->negotiated().at("reconnects"), "1");
  EXPECT_EQ(device_->wire().bytes_sent, 20U) << "of both sessions";
}

TEST_F(ReconnectingDeviceTest, NothingIsSoughtWhileAWriteMayLinger) {
  begin(OldCommands::may_linger);
  Asked& a = ask(read, 0);
  Asked& b = ask(write, 512);
  turn();
  session(1).cut();
  wait_until([&] { return a.done && b.done; });
  EXPECT_EQ(a.request.error, EPIPE);
  EXPECT_EQ(b.request.error, EPIPE);
  EXPECT_TRUE(device_->lost());
  EXPECT_EQ(attempts_, 0);
  EXPECT_NE(device_->last_error().find("the cable was cut; writes were in flight"), std::string::npos)
      << device_->last_error();
  Asked& late = ask(read, 0);
  wait_until([&] { return late.done; });
  EXPECT_EQ(late.request.error, EPIPE);
}

TEST_F(ReconnectingDeviceTest, WithoutWritesInFlightReadsComeThrough) {
  begin(OldCommands::may_linger);
  Asked& a = ask(read, 0);
  turn();
  session(1).cut();
  Asked& b = ask(write, 512);  // After the loss, so it was never sent.
  wait_until([&] { return a.done && b.done; });
  EXPECT_EQ(a.request.error + b.request.error, 0);
  EXPECT_EQ(told_.size(), 1U);
}

TEST_F(ReconnectingDeviceTest, ALossWhileNothingIsInFlightIsNoticedByTheNextRequest) {
  begin(OldCommands::may_linger);
  session(1).cut();
  Asked& a = ask(write, 0);
  wait_until([&] { return a.done; });
  EXPECT_EQ(a.request.error, 0);
  EXPECT_EQ(log_.requests, std::vector<std::string>{"2: write 0"});
}

TEST_F(ReconnectingDeviceTest, APeerThatStaysAwayIsGivenUp) {
  begin(OldCommands::end_first, milliseconds(400));
  refusals_ = 1000;
  Asked& a = ask(write, 0);
  turn();
  session(1).cut();
  turn();
  Asked& b = ask(write, 512);
  wait_until([&] { return a.done && b.done; });
  EXPECT_EQ(a.request.error, EPIPE);
  EXPECT_EQ(b.request.error, EPIPE);
  EXPECT_TRUE(device_->lost());
  EXPECT_NE(device_->last_error().find("not back within 0.4 s"), std::string::npos) << device_->last_error();
  EXPECT_NE(device_->last_error().find("nobody is there"), std::string::npos);
  EXPECT_GE(attempts_, 2);
  EXPECT_TRUE(told_.empty());
}

TEST_F(ReconnectingDeviceTest, AnotherDiskIsNotTaken) {
  begin(OldCommands::end_first);
  other_disk_ = true;
  Asked& a = ask(write, 0);
  turn();
  session(1).cut();
  wait_until([&] { return a.done; });
  EXPECT_EQ(a.request.error, EPIPE);
  EXPECT_NE(device_->last_error().find("bytes now and had"), std::string::npos) << device_->last_error();
  EXPECT_EQ(attempts_, 1);
  EXPECT_EQ(log_.requests.size(), 1U) << "nothing was written to it";
}

TEST_F(ReconnectingDeviceTest, WhatIsAbandonedWhileThePeerIsSoughtIsAnsweredAtOnce) {
  begin(OldCommands::end_first);
  refusals_ = 1000;
  Asked& a = ask(write, 0);
  turn();
  session(1).cut();
  turn();
  device_->abandon();
  EXPECT_FALSE(a.done) << "not from inside abandon()";
  turn();
  EXPECT_TRUE(a.done);
  EXPECT_EQ(a.request.error, ECANCELED);
  Asked& b = ask(read, 0);
  turn();
  EXPECT_EQ(b.request.error, ECANCELED);
}

TEST_F(ReconnectingDeviceTest, WhatIsAbandonedInFlightIsAnswered) {
  begin(OldCommands::end_first);
  Asked& a = ask(write, 0);
  turn();
  device_->abandon();
  turn();
  EXPECT_EQ(a.request.error, ECANCELED);
  EXPECT_EQ(attempts_, 0);
}

TEST_F(ReconnectingDeviceTest, ARefusalIsAnAnswerAndNoLoss) {
  begin(OldCommands::end_first);
  Asked& a = ask(write, 0);
  turn();
  session(1).answer(ENOSPC);
  turn();
  EXPECT_EQ(a.request.error, ENOSPC);
  EXPECT_EQ(attempts_, 0);
}

TEST_F(ReconnectingDeviceTest, ASilentPeerIsLeftAndSoughtAgain) {
  pings_ = true;
  begin(OldCommands::end_first);
  Asked& a = ask(write, 0);
  wait_until([&] { return a.done; });
  EXPECT_EQ(a.request.error, 0);
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_NE(told_[0].words.find("the peer said nothing for"), std::string::npos) << told_[0].words;
}

TEST_F(ReconnectingDeviceTest, WritesThatOnlyTheCacheHeldAreTold) {
  volatile_cache_ = true;
  begin(OldCommands::end_first);
  for (int i = 0; i < 3; ++i) ask(write, 512 * static_cast<std::uint64_t>(i));
  turn();
  for (int i = 0; i < 3; ++i) session(1).answer(0);
  turn();
  session(1).cut();
  Asked& a = ask(flush, 0);
  wait_until([&] { return a.done; });
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_NE(told_[0].words.find("3 writes since the last flush were in the peer's cache"), std::string::npos)
      << told_[0].words;
}

}  // namespace
}  // namespace holdfast::initiator
