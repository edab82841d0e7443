#include <memory>
#include <string>
#include <utility>

#include "initiator/device/libiscsi_device.h"
#include "tests/contract/device/subject.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tgtd.h"

namespace holdfast::initiator {
namespace {

using testing_support::Tgtd;

/// libiscsi against a target that is not ours.
class TgtSubject final : public Subject {
 public:
  std::string prepare(std::uint64_t bytes) override {
    Result<std::unique_ptr<Tgtd>> started = Tgtd::start({folder_.make_file("image", bytes)});
    if (!started) return started.error().message;
    daemon_ = std::move(started).value();
    return {};
  }

  Task<Result<std::unique_ptr<Device>>> open(Loop& loop) override {
    Result<IscsiUrl> url = IscsiUrl::parse(daemon_->url());
    if (!url) co_return url.error();
    IscsiUrl taken = std::move(url).value();
    LibiscsiDevice::Options options;
    Result<std::unique_ptr<Device>> device = co_await LibiscsiDevice::open(loop, std::move(taken), options);
    co_return device;
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Tgtd> daemon_;
};

}  // namespace

std::unique_ptr<Subject> make_tgt_subject() { return std::make_unique<TgtSubject>(); }

}  // namespace holdfast::initiator
