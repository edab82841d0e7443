#include "target/session/numbers.h"

#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

TEST(Numbers, EachKindOfPduShowsWhatIsItsOwn) {
  CommandWindow window{10, 13, 4};
  Numbers numbers{window, 100};
  EXPECT_EQ(numbers.stamp(iscsi::ScsiResponseBhs{}, StatSn::takes).stat_sn, 100u);
  EXPECT_EQ(numbers.stamp(iscsi::R2tBhs{}, StatSn::shows).stat_sn, 101u);
  EXPECT_EQ(numbers.stamp(iscsi::DataInBhs{}, StatSn::none).stat_sn, 0u);
  const iscsi::NopInBhs last = numbers.stamp(iscsi::NopInBhs{}, StatSn::takes);
  EXPECT_EQ(last.stat_sn, 101u);
  EXPECT_EQ(last.exp_cmd_sn, 10u);
  EXPECT_EQ(last.max_cmd_sn, 13u);
  EXPECT_EQ(numbers.stat_sn, 102u);
}

}  // namespace
}  // namespace holdfast::target
