// What every device promises, as one body of tests that runs against every implementation.

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "common/base/units.h"
#include "common/runtime/buffer.h"
#include "common/runtime/event.h"
#include "tests/contract/device/subject.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t medium_bytes = 32 * MiB;

class DeviceContract : public testing::TestWithParam<SubjectCase> {
 protected:
  void SetUp() override {
    subject_ = GetParam().make();
    const std::string reason = subject_->prepare(medium_bytes);
    if (!reason.empty()) GTEST_SKIP() << reason;
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
  }

  /// Opens the device, runs `body` with it, and closes it.
  void with_device(Task<void> (*body)(Device&)) { loop_->run(run(body)); }

 private:
  Task<void> run(Task<void> (*body)(Device&)) {
    Result<std::unique_ptr<Device>> device = co_await subject_->open(*loop_);
    if (!device) {
      ADD_FAILURE() << device.error().message;
      co_return;
    }
    co_await body(**device);
    co_await (*device)->close(seconds(5));
  }

  std::unique_ptr<Subject> subject_;
  std::unique_ptr<Loop> loop_;
};

void fill(std::span<std::byte> data, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (std::byte& byte : data) byte = static_cast<std::byte>(random());
}

Task<int> transfer(Device& device, DeviceOperation operation, std::uint64_t offset,
                   std::span<std::byte> data, bool durable = false) {
  iovec vector{data.data(), data.size()};
  DeviceRequest request;
  request.operation = operation;
  request.durable = durable;
  request.offset = offset;
  request.bytes = data.size();
  request.vectors = std::span(&vector, 1);
  const int error = co_await perform(device, request);
  co_return error;
}

Task<int> flush(Device& device) {
  DeviceRequest request;
  request.operation = DeviceOperation::flush;
  const int error = co_await perform(device, request);
  co_return error;
}

Task<void> expect_sensible_measures(Device& device) {
  EXPECT_EQ(device.size(), medium_bytes);
  EXPECT_TRUE(device.block_bytes() == 512 || device.block_bytes() == 4096) << device.block_bytes();
  EXPECT_GE(device.transfer_bytes_max(), 64 * KiB);
  EXPECT_EQ(device.transfer_bytes_max() % device.block_bytes(), 0U);
  EXPECT_GE(device.depth_max(), 8U);
  EXPECT_FALSE(device.read_only());
  EXPECT_FALSE(device.transport().empty());
  EXPECT_FALSE(device.negotiated().empty());
  EXPECT_EQ(device.last_error(), "");
  co_return;
}

TEST_P(DeviceContract, SaysWhatItIs) { with_device(expect_sensible_measures); }

Task<void> write_and_read_back(Device& device) {
  std::vector<std::byte> written(device.transfer_bytes_max());
  std::vector<std::byte> read(written.size());
  fill(written, 1);
  for (std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{8 * MiB + 4096}, medium_bytes - written.size()}) {
    int error = co_await transfer(device, DeviceOperation::write, offset, written);
    EXPECT_EQ(error, 0) << device.last_error();
    std::fill(read.begin(), read.end(), std::byte{0});
    error = co_await transfer(device, DeviceOperation::read, offset, read);
    EXPECT_EQ(error, 0) << device.last_error();
    EXPECT_TRUE(read == written) << "at " << offset;
  }
}

TEST_P(DeviceContract, ReadsBackWhatWasWritten) { with_device(write_and_read_back); }

Task<void> scatter_and_gather(Device& device) {
  // The memory of one request lies in many pieces of uneven size.
  std::vector<std::byte> written(64 * KiB);
  std::vector<std::byte> read(written.size());
  fill(written, 2);
  for (DeviceOperation operation : {DeviceOperation::write, DeviceOperation::read}) {
    std::vector<std::byte>& memory = operation == DeviceOperation::write ? written : read;
    std::vector<iovec> vectors;
    std::size_t at = 0;
    for (std::size_t piece = 1; at < memory.size(); piece += 37) {
      const std::size_t bytes = std::min(piece, memory.size() - at);
      vectors.push_back({memory.data() + at, bytes});
      at += bytes;
    }
    DeviceRequest request;
    request.operation = operation;
    request.offset = 128 * KiB;
    request.bytes = memory.size();
    request.vectors = vectors;
    const int error = co_await perform(device, request);
    EXPECT_EQ(error, 0) << device.last_error();
  }
  EXPECT_TRUE(read == written);
}

TEST_P(DeviceContract, TakesMemoryInPieces) { with_device(scatter_and_gather); }

Task<void> flush_and_write_durably(Device& device) {
  std::vector<std::byte> data(8 * KiB);
  fill(data, 3);
  int error = co_await transfer(device, DeviceOperation::write, 0, data);
  EXPECT_EQ(error, 0) << device.last_error();
  error = co_await flush(device);
  EXPECT_EQ(error, 0) << device.last_error();
  error = co_await transfer(device, DeviceOperation::write, 0, data, true);
  EXPECT_EQ(error, 0) << device.last_error();
}

TEST_P(DeviceContract, FlushesAndWritesDurably) { with_device(flush_and_write_durably); }

Task<void> write_pattern(Device& device) {
  std::vector<std::byte> data(64 * KiB);
  fill(data, 4);
  int error = co_await transfer(device, DeviceOperation::write, 1 * MiB, data);
  EXPECT_EQ(error, 0) << device.last_error();
  error = co_await flush(device);
  EXPECT_EQ(error, 0) << device.last_error();
}

Task<void> find_pattern(Device& device) {
  std::vector<std::byte> expected(64 * KiB);
  std::vector<std::byte> data(expected.size());
  fill(expected, 4);
  const int error = co_await transfer(device, DeviceOperation::read, 1 * MiB, data);
  EXPECT_EQ(error, 0) << device.last_error();
  EXPECT_TRUE(data == expected);
}

TEST_P(DeviceContract, KeepsWhatWasFlushedForTheNextSession) {
  with_device(write_pattern);
  with_device(find_pattern);
}

/// Requests at full depth, each submitting the next when it is done.
class Crowd {
 public:
  static constexpr std::uint32_t bytes_each = 16 * KiB;

  Crowd(Device& device, std::uint64_t total) : device_(device), total_(total) {
    for (std::uint32_t i = 0; i < device.depth_max(); ++i) {
      Member& member = members_.emplace_back();
      member.crowd = this;
      member.memory.resize(bytes_each);
      member.vector = {member.memory.data(), bytes_each};
    }
  }

  Task<void> run() {
    for (Member& member : members_) start_next(member);
    co_await idle_.wait();
  }

  std::uint64_t answered = 0;
  std::uint64_t answered_inside_submit = 0;
  int first_error = 0;

 private:
  struct Member {
    Crowd* crowd = nullptr;
    std::vector<std::byte> memory;
    iovec vector{};
    DeviceRequest request;
  };

  void start_next(Member& member) {
    if (started_ == total_) {
      if (answered == total_) idle_.set();
      return;
    }
    fill(member.memory, started_);
    member.vector = {member.memory.data(), bytes_each};
    member.request = DeviceRequest{};
    member.request.operation = DeviceOperation::write;
    member.request.offset = started_ * bytes_each;
    member.request.bytes = bytes_each;
    member.request.vectors = std::span(&member.vector, 1);
    member.request.owner = &member;
    member.request.done = [](DeviceRequest& request) {
      auto* done = static_cast<Member*>(request.owner);
      done->crowd->finished(*done);
    };
    ++started_;
    submitting_ = true;
    device_.submit(member.request);
    submitting_ = false;
  }

  void finished(Member& member) {
    ++answered;
    if (submitting_) ++answered_inside_submit;
    if (first_error == 0) first_error = member.request.error;
    start_next(member);
  }

  Device& device_;
  const std::uint64_t total_;
  std::uint64_t started_ = 0;
  bool submitting_ = false;
  std::deque<Member> members_;
  Event idle_;
};

Task<void> work_at_full_depth(Device& device) {
  constexpr std::uint64_t total = 1024;
  Crowd crowd(device, total);
  co_await crowd.run();
  EXPECT_EQ(crowd.answered, total);
  EXPECT_EQ(crowd.answered_inside_submit, 0U);
  EXPECT_EQ(crowd.first_error, 0) << device.last_error();
  std::vector<std::byte> expected(Crowd::bytes_each);
  std::vector<std::byte> data(Crowd::bytes_each);
  for (std::uint64_t i = 0; i < total; i += 31) {
    fill(expected, i);
    const int error = co_await transfer(device, DeviceOperation::read, i * Crowd::bytes_each, data);
    EXPECT_EQ(error, 0) << device.last_error();
    EXPECT_TRUE(data == expected) << i;
  }
}

TEST_P(DeviceContract, WorksAtFullDepth) { with_device(work_at_full_depth); }

Task<void> reach_beyond_the_end(Device& device) {
  std::vector<std::byte> data(8 * KiB);
  for (DeviceOperation operation : {DeviceOperation::read, DeviceOperation::write}) {
    for (std::uint64_t offset : {medium_bytes, medium_bytes - 4 * KiB, std::uint64_t{1} << 60}) {
      const int error = co_await transfer(device, operation, offset, data);
      EXPECT_EQ(error, EINVAL) << offset;
    }
  }
  const int error = co_await transfer(device, DeviceOperation::read, medium_bytes - data.size(), data);
  EXPECT_EQ(error, 0) << "nothing else is harmed";
}

TEST_P(DeviceContract, RefusesWhatLiesBeyondItsEnd) { with_device(reach_beyond_the_end); }

struct Abandoned {
  Event changed;
  std::size_t answered = 0;
  std::size_t cancelled = 0;
  bool abandoning = false;
};

void note_abandoned(DeviceRequest& request) {
  auto& all = *static_cast<Abandoned*>(request.owner);
  EXPECT_FALSE(all.abandoning) << "answered from inside abandon()";
  ++all.answered;
  if (request.error == ECANCELED) ++all.cancelled;
  all.changed.set();
}

Task<void> abandon_in_full_flight(Device& device) {
  Abandoned all;
  std::vector<std::byte> memory(64 * KiB);
  std::deque<iovec> vectors;
  std::deque<DeviceRequest> requests;
  for (std::uint32_t i = 0; i < device.depth_max(); ++i) {
    vectors.push_back({memory.data(), memory.size()});
    DeviceRequest& request = requests.emplace_back();
    request.operation = DeviceOperation::write;
    request.offset = i * memory.size();
    request.bytes = memory.size();
    request.vectors = std::span(&vectors.back(), 1);
    request.owner = &all;
    request.done = note_abandoned;
    device.submit(request);
  }
  all.abandoning = true;
  device.abandon();
  all.abandoning = false;
  while (all.answered < requests.size()) {
    all.changed.reset();
    co_await all.changed.wait();
  }
  EXPECT_EQ(all.cancelled, requests.size());
  const int error = co_await transfer(device, DeviceOperation::read, 0, memory);
  EXPECT_EQ(error, ECANCELED) << "what comes later is refused, but answered";
}

TEST_P(DeviceContract, GivesEverythingUpWhenItIsAbandoned) { with_device(abandon_in_full_flight); }

std::string case_name(const testing::TestParamInfo<SubjectCase>& subject) { return subject.param.name; }

INSTANTIATE_TEST_SUITE_P(File, DeviceContract,
                         testing::Values(SubjectCase{"Image", make_image_subject},
                                         SubjectCase{"BlockDevice", make_block_device_subject}),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Iscsi, DeviceContract, testing::ValuesIn(iscsi_subjects()), case_name);

INSTANTIATE_TEST_SUITE_P(Libnbd, DeviceContract, testing::ValuesIn(nbd_subjects()), case_name);

}  // namespace
}  // namespace holdfast::initiator
