#include "target/lun/store_error.h"

#include <cerrno>
#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

TEST(StoreError, BecomesTheSenseThatNamesTheCause) {
  struct Row {
    StoreOperation operation;
    int error;
    scsi::SenseKey key;
    scsi::AdditionalSense additional;
  };
  const Row rows[] = {
      {StoreOperation::read, EIO, scsi::SenseKey::medium_error, {0x11, 0x00}},
      {StoreOperation::write, EIO, scsi::SenseKey::medium_error, {0x0c, 0x00}},
      {StoreOperation::flush, EIO, scsi::SenseKey::medium_error, {0x0c, 0x00}},
      {StoreOperation::write, ENOSPC, scsi::SenseKey::data_protect, {0x27, 0x07}},
      {StoreOperation::write, EDQUOT, scsi::SenseKey::data_protect, {0x27, 0x07}},
      {StoreOperation::write, EROFS, scsi::SenseKey::data_protect, {0x27, 0x00}},
      {StoreOperation::read, ETIMEDOUT, scsi::SenseKey::hardware_error, {0x44, 0x00}},
      {StoreOperation::write, ENOMEM, scsi::SenseKey::hardware_error, {0x44, 0x00}},
  };
  for (const Row& row : rows) {
    const scsi::Sense sense = sense_of_store_error(row.operation, row.error, 42);
    EXPECT_EQ(sense.key, row.key) << "errno " << row.error;
    EXPECT_EQ(sense.additional, row.additional) << "errno " << row.error;
    EXPECT_EQ(sense.information, 42u);
  }
}

}  // namespace
}  // namespace holdfast::target
