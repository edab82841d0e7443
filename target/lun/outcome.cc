#include "target/lun/outcome.h"

#include <algorithm>

namespace holdfast::target {

Outcome good(std::uint32_t data_in_bytes) {
  Outcome outcome;
  outcome.status = static_cast<std::uint8_t>(scsi::Status::good);
  outcome.data_in_bytes = data_in_bytes;
  return outcome;
}

Outcome check_condition(const scsi::Sense& sense, scsi::SenseFormat format) {
  static_assert(scsi::sense_bytes_max <= Outcome::sense_bytes_max);
  const scsi::SenseBytes encoded = sense.encode(format);
  Outcome outcome;
  outcome.status = static_cast<std::uint8_t>(scsi::Status::check_condition);
  outcome.sense_bytes = encoded.size;
  std::copy(encoded.bytes.begin(), encoded.bytes.end(), outcome.sense.begin());
  return outcome;
}

Outcome reservation_conflict() {
  Outcome outcome;
  outcome.status = static_cast<std::uint8_t>(scsi::Status::reservation_conflict);
  return outcome;
}

Outcome aborted() {
  Outcome outcome;
  outcome.aborted = true;
  return outcome;
}

}  // namespace holdfast::target
