#include "initiator/watch/watched_device.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "common/runtime/loop.h"
#include "common/runtime/scope.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;

/// A device that answers when the test says so.
class HeldDevice final : public Device {
 public:
  std::uint64_t size() const override { return 1 << 20; }
  std::uint32_t block_bytes() const override { return 512; }
  std::uint32_t transfer_bytes_max() const override { return 65536; }
  std::uint32_t depth_max() const override { return 4; }
  bool read_only() const override { return false; }
  std::string transport() const override { return "held"; }
  std::map<std::string, std::string> negotiated() const override { return {{"key", "value"}}; }
  std::string last_error() const override { return "words"; }
  WireUse wire() const override { return {}; }
  void submit(DeviceRequest& request) override { held.push_back(&request); }
  void abandon() override { answer(ECANCELED); }
  Task<void> close(Duration) override { co_return; }

  void answer(int error) {
    for (DeviceRequest* request : std::exchange(held, {})) {
      request->error = error;
      request->done(*request);
    }
  }
  std::vector<DeviceRequest*> held;
};

class WatchedDeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
    WatchOptions options;
    options.stall = milliseconds(150);
    options.hang = milliseconds(400);
    watch_.emplace(options, clock_now());
    timer_.emplace(*loop_, *watch_);
    auto device = std::make_unique<HeldDevice>();
    held_ = device.get();
    watched_ = std::make_unique<WatchedDevice>(std::move(device), *timer_);
  }

  std::unique_ptr<Loop> loop_;
  std::optional<Watch> watch_;
  std::optional<WatchTimer> timer_;
  HeldDevice* held_ = nullptr;
  std::unique_ptr<WatchedDevice> watched_;
};

Task<void> answer_after(Loop& loop, HeldDevice& device, Duration time, int error) {
  co_await sleep_for(loop, time);
  device.answer(error);
}

Task<void> write_once(Loop& loop, HeldDevice& held, Device& device, std::uint32_t file, Duration takes,
                      int answer) {
  Scope scope;
  scope.spawn(answer_after(loop, held, takes, answer));
  DeviceRequest request;
  request.operation = DeviceOperation::write;
  request.offset = 8192;
  request.bytes = 4096;
  request.file = file;
  void* const layer = request.layer;
  const int error = co_await perform(device, request);
  EXPECT_EQ(error, answer);
  EXPECT_EQ(request.layer, layer);
  EXPECT_EQ(request.due, Instant{}) << "so that the request can be used again";
  co_await scope.join();
}

TEST_F(WatchedDeviceTest, PassesEverythingThroughAndTimesIt) {
  loop_->run(write_once(*loop_, *held_, *watched_, 0, milliseconds(20), 0));
  const Histogram& latency = watch_->latency(OperationKind::write);
  EXPECT_EQ(latency.count(), 1U);
  EXPECT_EQ(watch_->in_flight_count(), 0U);
  EXPECT_EQ(watched_->size(), held_->size());
  EXPECT_EQ(watched_->transport(), "held");
  EXPECT_EQ(watched_->last_error(), "words");
  EXPECT_EQ(watched_->negotiated(), held_->negotiated());
}

TEST_F(WatchedDeviceTest, AnErrorReachesTheCallerAndTheWatch) {
  loop_->run(write_once(*loop_, *held_, *watched_, 0, milliseconds(1), EIO));
  EXPECT_EQ(watch_->errors(), 1U);
}

class Listener final : public WatchListener {
 public:
  std::vector<EventKind> kinds;
  std::string file;

 private:
  void event_opened(const PathEvent& event) override {
    kinds.push_back(event.kind);
    file = event.operation.file;
  }
  void event_ended(const PathEvent&) override {}
};

TEST_F(WatchedDeviceTest, AHeldOperationIsReportedWhileItIsHeld) {
  Listener listener;
  watch_->set_listener(&listener);
  const std::uint32_t file = watch_->name_file("some/file");
  loop_->run(write_once(*loop_, *held_, *watched_, file, milliseconds(700), 0));
  ASSERT_GE(listener.kinds.size(), 2U) << "a stall first, then a hang, both before the answer";
  EXPECT_EQ(listener.kinds[0], EventKind::stall);
  EXPECT_EQ(listener.kinds[1], EventKind::hang);
  EXPECT_EQ(listener.file, "some/file");
  EXPECT_FALSE(watch_->events().empty());
}

}  // namespace
}  // namespace holdfast::initiator
