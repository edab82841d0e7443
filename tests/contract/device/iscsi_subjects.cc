#include <memory>
#include <string>
#include <utility>

#include "initiator/engine/iscsi_engine.h"
#include "tests/contract/device/subject.h"
#include "tests/support/holdfastd.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tgtd.h"

namespace holdfast::initiator {
namespace {

using testing_support::Holdfastd;
using testing_support::Tgtd;

/// An engine against a daemon with an image, which `start` starts.
template <typename Daemon>
class IscsiSubject final : public Subject {
 public:
  using Start = Result<std::unique_ptr<Daemon>> (*)(const std::string& image);
  IscsiSubject(IscsiEngine engine, Start start) : engine_(engine), start_(start) {}

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
    IscsiDiskOptions options;
    Result<std::unique_ptr<Device>> device = co_await open_iscsi_disk(loop, engine_, std::move(taken), options);
    co_return device;
  }

 private:
  const IscsiEngine engine_;
  Start start_;
  TemporaryFolder folder_;
  std::unique_ptr<Daemon> daemon_;
};

Result<std::unique_ptr<Tgtd>> start_tgtd(const std::string& image) { return Tgtd::start({image}); }

Result<std::unique_ptr<Holdfastd>> start_holdfastd(const std::string& image) {
  return Holdfastd::start(HOLDFASTD, image);
}

template <IscsiEngine engine>
std::unique_ptr<Subject> make_tgt() {
  return std::make_unique<IscsiSubject<Tgtd>>(engine, start_tgtd);
}

template <IscsiEngine engine>
std::unique_ptr<Subject> make_holdfastd() {
  return std::make_unique<IscsiSubject<Holdfastd>>(engine, start_holdfastd);
}

}  // namespace

const std::vector<SubjectCase>& iscsi_subjects() {
  static const std::vector<SubjectCase> all = {
      {"LibiscsiAndTgt", make_tgt<IscsiEngine::libiscsi>},
      {"LibiscsiAndHoldfastd", make_holdfastd<IscsiEngine::libiscsi>},
      {"NativeAndTgt", make_tgt<IscsiEngine::native>},
      {"NativeAndHoldfastd", make_holdfastd<IscsiEngine::native>},
  };
  return all;
}

}  // namespace holdfast::initiator
