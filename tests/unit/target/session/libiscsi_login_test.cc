// Somebody else's initiator at our door: libiscsi logs in and discovers over loopback. Goal: a
// witness that our reading of the RFC is not ours alone. Method: libiscsi runs in a thread with its
// blocking calls, the target's side on the loop; nothing but login and discovery is served.

#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <thread>

#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "target/session/discovery.h"
#include "target/session/login.h"
#include "tests/unit/target/session/login_fixture.h"

namespace holdfast::target {
namespace {

using Outcomes = std::vector<LoginOutcome>;

/// Takes `connections` of them in, one after another, and serves each as far as discovery goes.
Task<void> serve(Loop& loop, int listener, int connections, Reception& reception,
                 Outcomes& outcomes) {
  for (int i = 0; i < connections; ++i) {
    // Without multishot there is one completion, so one accept is awaited at a time.
    const std::int32_t accepted = co_await loop.perform(Operation::accept(listener));
    if (accepted < 0) co_return;
    const Fd connection(accepted);
    Result<LoginOutcome> outcome = co_await log_in(loop, connection.get(), reception);
    if (!outcome) continue;
    outcomes.push_back(*outcome);
    if (outcome->is_discovery()) {
      const LoginOutcome& session = *outcome;
      co_await serve_discovery(loop, connection.get(), reception, session);
    }
  }
}

struct ContextDeleter {
  void operator()(iscsi_context* context) const { iscsi_destroy_context(context); }
};
using Context = std::unique_ptr<iscsi_context, ContextDeleter>;

class LibiscsiLogin : public testing::Test {
 protected:
  void SetUp() override {
    LoopOptions options;
    options.features.multishot_accept = false;
    Result<std::unique_ptr<Loop>> created = Loop::create(options);
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
    Result<SocketAddress> any = SocketAddress::parse("127.0.0.1", 0);
    Result<Fd> listener = listen_tcp(*any);
    ASSERT_TRUE(listener) << listener.error().message;
    listener_ = std::move(listener).value();
    portal_ = local_address(listener_.get()).to_string();
  }

  /// Runs `initiator` in a thread of its own while `connections` are served here.
  void run(int connections, const std::function<void()>& initiator) {
    std::thread thread(initiator);
    loop_->run(serve(*loop_, listener_.get(), connections, reception_, outcomes_));
    thread.join();
  }

  static Context context_for(iscsi_session_type type, const char* target = nullptr) {
    Context context(iscsi_create_context("iqn.2026-01.org.example:witness"));
    iscsi_set_session_type(context.get(), type);
    if (target != nullptr) iscsi_set_targetname(context.get(), target);
    iscsi_set_timeout(context.get(), 20);
    iscsi_set_noautoreconnect(context.get(), 1);
    return context;
  }
  /// Connects and logs in; "" or libiscsi's words.
  std::string log_in_as(iscsi_context* context) const {
    if (iscsi_connect_sync(context, portal_.c_str()) != 0 || iscsi_login_sync(context) != 0)
      return iscsi_get_error(context);
    return "";
  }

  FakeReception reception_;
  std::unique_ptr<Loop> loop_;
  Fd listener_;
  std::string portal_;
  Outcomes outcomes_;
};

TEST_F(LibiscsiLogin, DiscoveryFindsEveryTargetWithThePortalItCameTo) {
  std::string error;
  std::vector<std::string> found;
  int logout = -1;
  run(1, [&] {
    const Context context = context_for(ISCSI_SESSION_DISCOVERY);
    error = log_in_as(context.get());
    iscsi_discovery_address* addresses = iscsi_discovery_sync(context.get());
    for (auto* address = addresses; address != nullptr; address = address->next)
      found.push_back(std::string(address->target_name) + " " + address->portals->portal);
    iscsi_free_discovery_data(context.get(), addresses);
    logout = iscsi_logout_sync(context.get());
  });
  EXPECT_EQ(error, "");
  EXPECT_THAT(found, testing::UnorderedElementsAre("iqn.2026-01.org.example:a " + portal_ + ",1",
                                                   "iqn.2026-01.org.example:b " + portal_ + ",1"));
  EXPECT_EQ(logout, 0);
  ASSERT_EQ(outcomes_.size(), 1u);
  EXPECT_TRUE(outcomes_[0].is_discovery());
}

TEST_F(LibiscsiLogin, ANormalSessionAgreesOnWhatBothEndsWant) {
  reception_.targets[0].offered = offered_by_default;
  std::string error;
  run(1, [&] {
    const Context context = context_for(ISCSI_SESSION_NORMAL, "iqn.2026-01.org.example:a");
    iscsi_set_header_digest(context.get(), ISCSI_HEADER_DIGEST_NONE_CRC32C);
    error = log_in_as(context.get());
  });
  EXPECT_EQ(error, "");
  ASSERT_EQ(outcomes_.size(), 1u);
  const LoginOutcome& outcome = outcomes_[0];
  EXPECT_EQ(outcome.caller.initiator_name, "iqn.2026-01.org.example:witness");
  EXPECT_EQ(outcome.target.get(), &reception_.targets[0]);
  EXPECT_EQ(outcome.caller.local.to_string(), portal_);
  EXPECT_LE(outcome.parameters.first_burst_length, outcome.parameters.max_burst_length);
  EXPECT_GT(outcome.parameters.peer_max_recv_data_segment_length, 8192u);
}

TEST_F(LibiscsiLogin, ARefusalReachesItInItsOwnWords) {
  std::string error;
  run(1, [&] {
    const Context context = context_for(ISCSI_SESSION_NORMAL, "iqn.2026-01.org.example:none");
    error = log_in_as(context.get());
  });
  EXPECT_THAT(error, testing::HasSubstr("Target not found"));
}

TEST_F(LibiscsiLogin, ItProvesWhoItIsAndWeProveWhoWeAre) {
  Accounts& accounts = reception_.targets[0].accounts;
  accounts.incoming = {{.name = "alice", .secret = "alice's own secret", .line = 1}};
  accounts.outgoing = Account{.name = "disk", .secret = "the target's secret", .line = 2};
  std::string one_way;
  std::string mutual;
  std::string wrong;
  std::string deceived;
  run(4, [&] {
    const Context first = context_for(ISCSI_SESSION_NORMAL, "iqn.2026-01.org.example:a");
    iscsi_set_initiator_username_pwd(first.get(), "alice", "alice's own secret");
    one_way = log_in_as(first.get());
    const Context second = context_for(ISCSI_SESSION_NORMAL, "iqn.2026-01.org.example:a");
    iscsi_set_initiator_username_pwd(second.get(), "alice", "alice's own secret");
    iscsi_set_target_username_pwd(second.get(), "disk", "the target's secret");
    mutual = log_in_as(second.get());
    const Context third = context_for(ISCSI_SESSION_NORMAL, "iqn.2026-01.org.example:a");
    iscsi_set_initiator_username_pwd(third.get(), "alice", "somebody's secret");
    wrong = log_in_as(third.get());
    const Context fourth = context_for(ISCSI_SESSION_NORMAL, "iqn.2026-01.org.example:a");
    iscsi_set_initiator_username_pwd(fourth.get(), "alice", "alice's own secret");
    iscsi_set_target_username_pwd(fourth.get(), "disk", "another target's secret");
    deceived = log_in_as(fourth.get());
  });
  EXPECT_EQ(one_way, "");
  EXPECT_EQ(mutual, "");
  EXPECT_THAT(wrong, testing::HasSubstr("Authentication"));
  EXPECT_NE(deceived, "") << "it would take anybody for the target";
  ASSERT_GE(outcomes_.size(), 2u);
  EXPECT_EQ(outcomes_[0].user, "alice");
}

TEST_F(LibiscsiLogin, WhatIsNotOfferedHereIsDoneWithout) {
  std::string with_user;
  std::string with_digest;
  run(2, [&] {
    const Context first = context_for(ISCSI_SESSION_NORMAL, "iqn.2026-01.org.example:a");
    iscsi_set_initiator_username_pwd(first.get(), "user", "a-long-enough-secret");
    with_user = log_in_as(first.get());  // It offers CHAP,None.
    const Context second = context_for(ISCSI_SESSION_NORMAL, "iqn.2026-01.org.example:a");
    iscsi_set_header_digest(second.get(), ISCSI_HEADER_DIGEST_CRC32C);
    with_digest = log_in_as(second.get());  // The digest is rejected.
  });
  EXPECT_EQ(with_user, "");
  EXPECT_EQ(with_digest, "");
}

}  // namespace
}  // namespace holdfast::target
