#include "target/lun/conditions.h"

#include <bit>
#include <iterator>

namespace holdfast::target {
namespace {

std::uint8_t bit_of(Condition condition) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(condition));
}

struct Row {
  scsi::SenseKey key;
  scsi::AdditionalSense additional;
  bool deferred;
};

// In the order of Condition.
constexpr Row rows[] = {
    {scsi::SenseKey::unit_attention, scsi::additional_sense::power_on_or_reset, false},
    {scsi::SenseKey::unit_attention, scsi::additional_sense::bus_device_reset_function_occurred,
     false},
    {scsi::SenseKey::medium_error, scsi::additional_sense::write_error, true},
};

}  // namespace

scsi::Sense sense_of(Condition condition) {
  const Row& row = rows[static_cast<unsigned>(condition)];
  scsi::Sense sense;
  sense.key = row.key;
  sense.additional = row.additional;
  sense.deferred = row.deferred;
  return sense;
}

void Conditions::raise(Condition condition) {
  standing_ |= bit_of(condition);
}

std::optional<Condition> Conditions::first() const {
  if (standing_ == 0) return std::nullopt;
  return static_cast<Condition>(std::countr_zero(standing_));
}

void Conditions::clear(Condition condition) {
  standing_ = static_cast<std::uint8_t>(standing_ & ~bit_of(condition));
  if (condition == Condition::power_on)
    standing_ = static_cast<std::uint8_t>(standing_ & ~bit_of(Condition::bus_device_reset));
}

}  // namespace holdfast::target
