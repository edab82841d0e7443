// Logging in to tgt: with a password, with a wrong one, by name; and what discovery finds there.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "initiator/engine/discovery.h"
#include "initiator/engine/iscsi_engine.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tgtd.h"

namespace holdfast::initiator {
namespace {

using std::chrono::seconds;
using testing_support::Tgtd;

Task<void> open_and_close(Loop& loop, IscsiEngine engine, const IscsiUrl& url, Status& status) {
  IscsiUrl taken = url;
  IscsiDiskOptions options;
  Result<std::unique_ptr<Device>> device = co_await open_iscsi_disk(loop, engine, std::move(taken), options);
  if (!device) {
    status = device.error();
    co_return;
  }
  co_await (*device)->close(seconds(5));
}

Task<void> ask(Loop& loop, IscsiEngine engine, const IscsiUrl& url, std::vector<FoundTarget>& found, Status& status) {
  IscsiUrl taken = url;
  Result<std::vector<FoundTarget>> answer = co_await discover(loop, std::move(taken), engine, seconds(10));
  if (answer)
    found = std::move(answer).value();
  else
    status = answer.error();
}

class TgtLogin : public testing::TestWithParam<IscsiEngine> {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Tgtd>> started =
        Tgtd::start({folder_.make_file("first", 64 << 20), folder_.make_file("second", 32 << 20)});
    if (!started) GTEST_SKIP() << started.error().message;
    daemon_ = std::move(started).value();
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
  }

  /// What opening the URL comes to; nothing if it succeeds.
  std::string open(const std::string& text) {
    Result<IscsiUrl> url = IscsiUrl::parse(text);
    EXPECT_TRUE(url) << url.error().message;
    Status status;
    loop_->run(open_and_close(*loop_, GetParam(), *url, status));
    return status ? "" : status.error().message;
  }
  std::string with_user(const std::string& user) const {
    std::string url = daemon_->url();
    return url.insert(std::string("iscsi://").size(), user + "@");
  }

  TemporaryFolder folder_;
  std::unique_ptr<Tgtd> daemon_;
  std::unique_ptr<Loop> loop_;
};

TEST_P(TgtLogin, NeedsThePasswordThatTheTargetHas) {
  ASSERT_TRUE(daemon_->administer(
      {"--op", "new", "--mode", "account", "--user", "somebody", "--password", "twelve-letters"}));
  ASSERT_TRUE(daemon_->administer({"--op", "bind", "--mode", "account", "--tid", "1", "--user", "somebody"}));
  EXPECT_EQ(open(with_user("somebody%twelve-letters")), "");
  EXPECT_NE(open(with_user("somebody%other-letters")), "");
  EXPECT_NE(open(with_user("nobody%twelve-letters")), "");
  EXPECT_NE(open(daemon_->url()), "");
}

TEST_P(TgtLogin, FindsAHostByItsName) {
  std::string url = daemon_->url();
  url.replace(url.find("127.0.0.1"), 9, "localhost");
  EXPECT_EQ(open(url), "");
}

TEST_P(TgtLogin, ATargetThatIsNotThereIsSaid) {
  const std::string complaint = open(daemon_->portal_url() + "/iqn.2026-11.example.test:none/1");
  EXPECT_NE(complaint.find("log in to 127.0.0.1"), std::string::npos) << complaint;
}

TEST_P(TgtLogin, ALunThatIsNotThereIsSaid) {
  EXPECT_NE(open(daemon_->url(9)).find("no LUN 9"), std::string::npos) << open(daemon_->url(9));
  EXPECT_NE(open(daemon_->url(0)).find("controller"), std::string::npos) << open(daemon_->url(0));
}

TEST_P(TgtLogin, DiscoveryListsTheTargetAndItsDisks) {
  const Result<IscsiUrl> portal = IscsiUrl::parse_portal(daemon_->portal_url());
  ASSERT_TRUE(portal);
  std::vector<FoundTarget> found;
  Status status;
  loop_->run(ask(*loop_, GetParam(), *portal, found, status));
  ASSERT_TRUE(status) << status.error().message;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name, Tgtd::target);
  EXPECT_EQ(found[0].problem, "");
  ASSERT_EQ(found[0].luns.size(), 3U) << "the controller and two disks";
  EXPECT_NE(found[0].luns[0].facts.peripheral_type, 0);
  EXPECT_EQ(found[0].luns[1].facts.bytes(), std::uint64_t{64} << 20);
  EXPECT_EQ(found[0].luns[2].facts.bytes(), std::uint64_t{32} << 20);
  EXPECT_EQ(found[0].luns[1].facts.vendor, "IET");
  EXPECT_NE(found[0].luns[1].facts.serial, "");
}

TEST_P(TgtLogin, DiscoveryOfNobodyIsAnError) {
  daemon_->kill();
  const Result<IscsiUrl> portal = IscsiUrl::parse_portal(daemon_->portal_url());
  std::vector<FoundTarget> found;
  Status status;
  loop_->run(ask(*loop_, GetParam(), *portal, found, status));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("Connection refused"), std::string::npos) << status.error().message;
}

INSTANTIATE_TEST_SUITE_P(Engines, TgtLogin, testing::Values(IscsiEngine::native, IscsiEngine::libiscsi),
                         [](const auto& engine) { return std::string(to_string(engine.param)); });

}  // namespace
}  // namespace holdfast::initiator
