// RESERVE is of a nexus, so the end of the session is its end.

#include <gtest/gtest.h>

#include "tests/support/raw_initiator.h"
#include "tests/support/test_target.h"

namespace holdfast::target {
namespace {

constexpr std::uint8_t reservation_conflict = 0x18;

class ReserveTest : public testing::Test {
 protected:
  ReserveTest() {
    holder_.clear_unit_attention();
    other_.clear_unit_attention();
    auto reserve = holder_.test_unit_ready(1);
    reserve.cdb[0] = 0x16;
    holder_.send(reserve);
    EXPECT_EQ(holder_.finish(1), 0);
    EXPECT_EQ(status_of_other(), reservation_conflict);
  }

  std::uint8_t status_of_other() {
    other_.send(other_.test_unit_ready(2));
    return other_.finish(2);
  }

  TestTarget target_{{}};
  RawInitiator holder_{target_.port(), {.isid_tail = 1}};
  RawInitiator other_{target_.port(), {.isid_tail = 2}};
};

TEST_F(ReserveTest, IsOverWhenTheLogoutIsAnswered) {
  iscsi::LogoutRequestBhs logout;
  logout.initiator_task_tag = 3;
  logout.cmd_sn = holder_.cmd_sn;
  holder_.send(logout);
  holder_.receive_as<iscsi::LogoutResponseBhs>();
  // The connection itself is still there.
  EXPECT_EQ(status_of_other(), 0);
}

TEST_F(ReserveTest, IsOverAfterTheConnectionWasLost) {
  holder_.reset();
  std::uint8_t status = reservation_conflict;
  for (int i = 0; i < 10'000 && status == reservation_conflict; ++i) status = status_of_other();
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace holdfast::target
