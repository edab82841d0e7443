// A verified load on every implementation of a device: what was acknowledged is there, in the session
// that wrote it and in the next.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

#include "common/base/units.h"
#include "initiator/workload/load.h"
#include "initiator/workload/read_back.h"
#include "tests/contract/device/subject.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LoadContract : public testing::TestWithParam<SubjectCase> {
 protected:
  void SetUp() override {
    subject_ = GetParam().make();
    const std::string reason = subject_->prepare(8 * MiB);
    if (!reason.empty()) GTEST_SKIP() << reason;
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
  }

  Task<std::unique_ptr<Device>> open() {
    Result<std::unique_ptr<Device>> opened = co_await subject_->open(*loop_);
    EXPECT_TRUE(opened) << opened.error().message;
    std::unique_ptr<Device> device = opened ? std::move(opened).value() : nullptr;
    co_return device;
  }

  Task<void> load() {
    std::unique_ptr<Device> device = co_await open();
    if (device == nullptr) co_return;
    LoadOptions options;
    options.access = Access::randrw;
    options.depth = 8;
    options.time = milliseconds(500);
    options.bytes = 1 * MiB;
    options.verify = true;
    const Result<LoadPlan> plan = plan_load(options, *device, new_run_number());
    EXPECT_TRUE(plan) << plan.error().message;
    if (!plan) co_return;
    plan_ = *plan;
    table_ = std::make_unique<GenerationTable>(plan_.blocks);
    Device* const session = device.get();
    load_ = std::make_unique<Load>(*loop_, std::span(&session, 1), plan_, table_.get(), progress_,
                                   cancelled_, note_fault());
    co_await load_->run();
    co_await device->close(seconds(5));
  }

  Task<void> read_back() {
    std::unique_ptr<Device> device = co_await open();
    if (device == nullptr) co_return;
    read_back_ = std::make_unique<ReadBack>(*loop_, *device, plan_, *table_, false, progress_,
                                            cancelled_, note_fault());
    co_await read_back_->run();
    co_await device->close(seconds(5));
  }

  BlockFaultFound note_fault() {
    return [this](const BlockFault& fault) {
      if (first_fault_.empty()) first_fault_ = describe(fault, 512);
    };
  }

  std::unique_ptr<Subject> subject_;
  std::unique_ptr<Loop> loop_;
  LoadPlan plan_;
  Progress progress_;
  std::atomic<bool> cancelled_ = false;
  std::unique_ptr<GenerationTable> table_;
  std::unique_ptr<Load> load_;
  std::unique_ptr<ReadBack> read_back_;
  std::string first_fault_;
};

TEST_P(LoadContract, HoldsWhatItAcknowledged) {
  loop_->run(load());
  ASSERT_NE(load_, nullptr);
  EXPECT_TRUE(load_->result().status) << load_->result().status.error().message;
  EXPECT_GT(load_->result().writes.operations, 0u);
  EXPECT_GT(load_->result().checked_blocks, 0u);
  loop_->run(read_back());
  ASSERT_NE(read_back_, nullptr);
  EXPECT_TRUE(read_back_->result().status) << read_back_->result().status.error().message;
  EXPECT_GT(read_back_->result().blocks, 0u);
  EXPECT_EQ(first_fault_, "");
}

std::string case_name(const testing::TestParamInfo<SubjectCase>& subject) { return subject.param.name; }

INSTANTIATE_TEST_SUITE_P(File, LoadContract,
                         testing::Values(SubjectCase{"Image", make_image_subject},
                                         SubjectCase{"BlockDevice", make_block_device_subject}),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Iscsi, LoadContract, testing::ValuesIn(iscsi_subjects()), case_name);
INSTANTIATE_TEST_SUITE_P(Libnbd, LoadContract, testing::ValuesIn(nbd_subjects()), case_name);

}  // namespace
}  // namespace holdfast::initiator
