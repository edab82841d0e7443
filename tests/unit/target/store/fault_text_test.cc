#include "target/store/fault_text.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::target {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Fault fault(std::string_view text) {
  const Result<Fault> read = parse_fault(text, 512);
  EXPECT_TRUE(read) << text << ": " << read.error().message;
  return read ? *read : Fault{};
}

TEST(FaultText, ARuleSaysWhatToWhichAndHowOften) {
  EXPECT_EQ(fault("hang").kind, Fault::Kind::hang);
  EXPECT_EQ(fault("hang").operation, std::nullopt);
  EXPECT_EQ(fault("stick write").kind, Fault::Kind::stick);
  const Fault delay = fault("delay 200ms read jitter 50ms for 10s");
  EXPECT_EQ(delay.kind, Fault::Kind::delay);
  EXPECT_EQ(delay.delay, milliseconds(200));
  EXPECT_EQ(delay.jitter, milliseconds(50));
  EXPECT_EQ(delay.operation, StoreOperation::read);
  EXPECT_EQ(delay.lasts, Duration(seconds(10)));
  const Fault fail = fault("fail ENOSPC write lba 100..199 nth 3 times 2");
  EXPECT_EQ(fail.error, ENOSPC);
  EXPECT_EQ(fail.from, 51'200u);
  EXPECT_EQ(fail.to, 102'400u);
  EXPECT_EQ(fail.skip, 2u);
  EXPECT_EQ(fail.times, 2u);
  EXPECT_EQ(fault("tear lba 7").to, 8u * 512);
  const Fault lose = fault("lose share 0.5% seed 9");
  EXPECT_DOUBLE_EQ(lose.percent, 0.5);
  EXPECT_EQ(lose.seed, 9u);
}

TEST(FaultText, AMistakeIsNamedWithItsWordAndWhatIsAllowed) {
  const struct {
    const char* text;
    const char* complaint;
  } mistakes[] = {
      {"", "word 1: missing is one of hang, stick, delay, fail, tear, lose"},
      {"freeze", "word 1: 'freeze' is not one of hang, stick, delay, fail, tear, lose"},
      {"delay", "word 2: missing is a time as in 200ms or 5s"},
      {"delay 5", "word 2: '5' is not a time as in 200ms or 5s"},
      {"fail EPERM", "word 2: 'EPERM' is not one of EIO, ENOSPC, EROFS, ETIMEDOUT"},
      {"hang scribble", "word 2: 'scribble' is not one of read, write, flush, unmap, lba, nth, times, share, seed, for"},
      {"hang jitter 5ms", "word 2: 'jitter' is not one of"},
      {"hang lba 5..", "word 3: '5..' is not LBAs as in 100 or 100..199"},
      {"hang lba 9..5", "word 3: '9..5' is not LBAs"},
      {"hang lba 18446744073709551615", "word 3: '18446744073709551615' is not LBAs"},
      {"hang nth 0", "word 3: '0' is not a count"},
      {"hang share 101%", "word 3: '101%' is not a share as in 10% or 0.5%"},
  };
  for (const auto& mistake : mistakes) {
    const Result<Fault> read = parse_fault(mistake.text, 512);
    ASSERT_FALSE(read) << mistake.text;
    EXPECT_EQ(read.error().message.substr(0, std::string_view(mistake.complaint).size()), mistake.complaint);
  }
}

}  // namespace
}  // namespace holdfast::target
