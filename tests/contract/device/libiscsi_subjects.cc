#include <memory>
#include <string>
#include <utility>

#include "initiator/device/libiscsi_device.h"
#include "tests/contract/device/subject.h"
#include "tests/support/holdfastd.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tgtd.h"

namespace holdfast::initiator {
namespace {

using testing_support::Holdfastd;
using testing_support::Tgtd;

/// libiscsi against a daemon with an image, which `start` starts.
template <typename Daemon>
class LibiscsiSubject final : public Subject {
 public:
  using Start = Result<std::unique_ptr<Daemon>> (*)(const std::string& image);
  explicit LibiscsiSubject(Start start) : start_(start) {}

  std::string prepare(std::uint64_t bytes) override {
    Result<std::unique_ptr<Daemon>> started = start_(folder_.make_file("image", bytes));
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
  Start start_;
  TemporaryFolder folder_;
  std::unique_ptr<Daemon> daemon_;
};

Result<std::unique_ptr<Tgtd>> start_tgtd(const std::string& image) { return Tgtd::start({image}); }

Result<std::unique_ptr<Holdfastd>> start_holdfastd(const std::string& image) {
  return Holdfastd::start(HOLDFASTD, image);
}

}  // namespace

std::unique_ptr<Subject> make_tgt_subject() { return std::make_unique<LibiscsiSubject<Tgtd>>(start_tgtd); }

std::unique_ptr<Subject> make_holdfastd_subject() {
  return std::make_unique<LibiscsiSubject<Holdfastd>>(start_holdfastd);
}

}  // namespace holdfast::initiator
