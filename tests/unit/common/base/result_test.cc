#include "common/base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace holdfast {
namespace {

TEST(Result, HoldsAValueThatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  ASSERT_TRUE(result);
  std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(Result, AnErrnoSaysWhatWasBeingDone) {
  const Error error = Error::from_errno(ENOENT, "open /srv/a.img");
  EXPECT_EQ(error.message, "open /srv/a.img: No such file or directory");
  EXPECT_EQ(error.kind, ErrorKind::system);
  EXPECT_EQ(Error::from_errno(ENOSPC, "write").kind, ErrorKind::out_of_space);
}

TEST(ResultDeathTest, AskingForTheMissingValueIsOurBug) {
  const Result<int> result = Error{ErrorKind::timed_out, 0, "late"};
  EXPECT_DEATH(static_cast<void>(result.value()), "CHECK failed");
}

TEST(Status, IsGoodUnlessGivenAnError) {
  EXPECT_TRUE(Status());
  EXPECT_FALSE(Status(Error{}));
}

}  // namespace
}  // namespace holdfast
