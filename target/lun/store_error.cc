#include "target/lun/store_error.h"

#include <cerrno>

namespace holdfast::target {
namespace {

using scsi::SenseKey;
namespace additional_sense = scsi::additional_sense;

struct Row {
  int error;
  SenseKey key;
  scsi::AdditionalSense additional;
};

// EIO says that the medium is bad, and how it does depends on the operation; these do not.
constexpr Row rows[] = {
    {ENOSPC, SenseKey::data_protect, additional_sense::space_allocation_failed_write_protect},
    {EDQUOT, SenseKey::data_protect, additional_sense::space_allocation_failed_write_protect},
    {EROFS, SenseKey::data_protect, additional_sense::write_protected},
    {EPERM, SenseKey::data_protect, additional_sense::write_protected},
};

scsi::Sense sense_without_lba(StoreOperation operation, int error) {
  scsi::Sense sense;
  if (error == EIO) {
    sense.key = SenseKey::medium_error;
    sense.additional = operation == StoreOperation::read ? additional_sense::unrecovered_read_error
                                                         : additional_sense::write_error;
    return sense;
  }
  for (const Row& row : rows) {
    if (row.error != error) continue;
    sense.key = row.key;
    sense.additional = row.additional;
    return sense;
  }
  sense.key = SenseKey::hardware_error;
  sense.additional = additional_sense::internal_target_failure;
  return sense;
}

}  // namespace

scsi::Sense sense_of_store_error(StoreOperation operation, int error,
                                 std::optional<std::uint64_t> lba) {
  scsi::Sense sense = sense_without_lba(operation, error);
  sense.information = lba;
  return sense;
}

}  // namespace holdfast::target
