// Commands whose LUN names no logical unit.

#include <gmock/gmock.h>

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using ::testing::ElementsAre;

class NoUnit : public LunTest {
 protected:
  std::unique_ptr<Issued> run_elsewhere(const scsi::CdbBytes& cdb, const Bytes& data_out = {}) {
    return run(cdb, first_, data_out, 0xffff'ffff, 5);
  }
};

TEST_F(NoUnit, InquirySaysThatThereIsNoDevice) {
  add_unit(options());
  const Bytes data = run_elsewhere({0x12, 0, 0, 0, 36})->data_in();
  ASSERT_EQ(data.size(), 36u);
  EXPECT_EQ(data[0], 0x7f);
  EXPECT_THAT(run_elsewhere({0x12, 1, 0, 0, 36})->data_in(), ElementsAre(0x7f, 0, 0, 1, 0));
  EXPECT_EQ(run_elsewhere({0x12, 1, 0x83, 0, 36})->sense_code(), 0x052400u);
}

TEST_F(NoUnit, ReportLunsAnswersAlsoWhereLunZeroIsMissing) {
  add_unit(options(2));
  EXPECT_THAT(run({0xa0, 0, 0, 0, 0, 0, 0, 0, 255})->data_in(),
              ElementsAre(0, 0, 0, 8, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(run({0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 3})->data_in().size(), 3u);
}

TEST_F(NoUnit, RequestSenseSaysItAsData) {
  add_unit(options());
  const auto sense = run_elsewhere({0x03, 0, 0, 0, 252});
  EXPECT_TRUE(sense->good());
  ASSERT_EQ(sense->data_in().size(), 18u);
  EXPECT_EQ(sense->data_in()[2], 0x05);
  EXPECT_EQ(sense->data_in()[12], 0x25);
}

TEST_F(NoUnit, EverythingElseIsNotSupported) {
  add_unit(options());
  for (std::uint8_t code : {0x00, 0x28, 0x2a, 0x1a, 0x25}) {
    const auto refused = run_elsewhere({code, 0, 0, 0, 0, 0, 0, 0, 1}, Bytes(512));
    EXPECT_EQ(refused->sense_code(), 0x052500u) << "opcode " << int(code);
    EXPECT_EQ(refused->transfer.bytes, 0u);
  }
}

TEST_F(NoUnit, CommandsCanBeAborted) {
  auto begun = issue({0x12, 0, 0, 0, 36}, first_);
  begun->abort();
  begun->abort();
  auto answering = issue({0x12, 0, 0, 0, 36}, first_);
  answering->execute(36);
  answering->abort();
  settle(answering->ends, 1);
  EXPECT_TRUE(begun->aborted());
  EXPECT_TRUE(answering->aborted());
}

}  // namespace
}  // namespace holdfast::target
