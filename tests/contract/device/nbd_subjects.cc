#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "initiator/device/nbd_device.h"
#include "tests/contract/device/subject.h"
#include "tests/support/nbd_server.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::initiator {
namespace {

using testing_support::NbdServer;
using Started = Result<std::unique_ptr<NbdServer>>;

/// libnbd against a server with an image, which `start` starts.
class NbdSubject final : public Subject {
 public:
  /// Starts a server of `image`, and may change the URL, which is that of the export "disk".
  using Start = Started (*)(const TemporaryFolder& folder, const std::string& image, std::string& url);
  explicit NbdSubject(Start start) : start_(start) {}

  std::string prepare(std::uint64_t bytes) override {
    Started started = start_(folder_, folder_.make_file("disk", bytes), url_);
    if (!started) return started.error().message;
    server_ = std::move(started).value();
    if (url_.empty()) url_ = server_->url("disk");
    return {};
  }

  Task<Result<std::unique_ptr<Device>>> open(Loop& loop) override {
    Result<NbdUrl> url = NbdUrl::parse(url_);
    if (!url) co_return url.error();
    NbdUrl taken = std::move(url).value();
    NbdDevice::Options options;
    Result<std::unique_ptr<Device>> device = co_await NbdDevice::open(loop, std::move(taken), options);
    co_return device;
  }

 private:
  Start start_;
  TemporaryFolder folder_;
  std::string url_;
  std::unique_ptr<NbdServer> server_;
};

Started start_nbdkit(const TemporaryFolder&, const std::string& image, std::string&) {
  return NbdServer::start_nbdkit({"file", image});
}

Started start_nbdkit_for_four(const TemporaryFolder&, const std::string& image, std::string& url) {
  Started started = NbdServer::start_nbdkit({"file", image});
  if (started) url = (*started)->url("disk") + "?connections=4";
  return started;
}

/// One connection, simple replies, and block sizes that are to be kept to.
Started start_frugal_nbdkit(const TemporaryFolder&, const std::string& image, std::string&) {
  return NbdServer::start_nbdkit({"--no-sr", "--filter=blocksize-policy", "--filter=multi-conn", "file",
                                  image, "blocksize-minimum=4096", "blocksize-preferred=8192",
                                  "blocksize-maximum=131072", "blocksize-error-policy=error",
                                  "multi-conn-mode=disable"});
}

Started start_nbdkit_on_socket(const TemporaryFolder&, const std::string& image, std::string&) {
  return NbdServer::start_nbdkit_on_socket({"file", image});
}

Started start_nbdkit_with_tls(const TemporaryFolder& folder, const std::string& image, std::string& url) {
  const std::string keys = folder.file("keys");
  std::ofstream(keys) << "alice:5f2a8ce1b9f0d9c35d0d7f1f8a3f6a1e5f2a8ce1b9f0d9c35d0d7f1f8a3f6a1e\n";
  Started started = NbdServer::start_nbdkit({"--tls=require", "--tls-psk=" + keys, "file", image});
  if (!started) return started;
  url = "nbds://alice@127.0.0.1:" + std::to_string((*started)->port()) + "/disk?tls-psk-file=" + keys;
  return started;
}

Started start_nbd_server(const TemporaryFolder&, const std::string& image, std::string&) {
  return NbdServer::start_nbd_server(image, "flush = true\nfua = true\ntrim = true\n");
}

Started start_qemu_nbd(const TemporaryFolder&, const std::string& image, std::string&) {
  return NbdServer::start_qemu_nbd(image);
}

template <NbdSubject::Start start>
std::unique_ptr<Subject> make() {
  return std::make_unique<NbdSubject>(start);
}

}  // namespace

const std::vector<SubjectCase>& nbd_subjects() {
  static const std::vector<SubjectCase> all = {
      {"Nbdkit", make<start_nbdkit>},
      {"NbdkitWithFourConnections", make<start_nbdkit_for_four>},
      {"NbdkitWithOneConnectionAndLimits", make<start_frugal_nbdkit>},
      {"NbdkitOnASocket", make<start_nbdkit_on_socket>},
      {"NbdkitWithTls", make<start_nbdkit_with_tls>},
      {"NbdServer", make<start_nbd_server>},
      {"QemuNbd", make<start_qemu_nbd>},
  };
  return all;
}

}  // namespace holdfast::initiator
