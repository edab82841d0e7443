#pragma once

#include <cstdint>
#include <optional>

#include "common/scsi/sense.h"

namespace holdfast::target {

/// What a nexus is to be told of a logical unit at the next opportunity, most urgent first: unit
/// attention conditions (SAM-5 5.14) and, last, deferred errors (SPC-4 4.5.5).
enum class Condition : std::uint8_t {
  power_on,          // first contact
  bus_device_reset,  // another nexus reset the logical unit
  flush_failed,      // after SYNCHRONIZE CACHE had GOOD already (IMMED)
};

scsi::Sense sense_of(Condition condition);

/// The conditions that stand for one nexus. Each is told once.
class Conditions {
 public:
  void raise(Condition condition);
  /// The one to be told next.
  std::optional<Condition> first() const;
  /// It was told, and with it what it implies: a power on is a reset too.
  void clear(Condition condition);

 private:
  std::uint8_t standing_ = 0;  // a bit for each
};

}  // namespace holdfast::target
