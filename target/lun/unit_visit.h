#pragma once

#include <cstdint>

#include "target/lun/command.h"

namespace holdfast::target {

class LogicalUnit;
struct NexusState;

/// A command of another unit's is at work on this one: EXTENDED COPY between units. Who resets this
/// unit, fences the nexus off, or waits for the unit to be let go, waits for the visit's end too.
class UnitVisit {
 public:
  UnitVisit(LogicalUnit& unit, const Nexus& nexus);
  ~UnitVisit();
  UnitVisit(const UnitVisit&) = delete;
  UnitVisit& operator=(const UnitVisit&) = delete;

  LogicalUnit& unit() const { return unit_; }
  const NexusState& nexus() const { return nexus_; }
  /// It has to end as soon as it can, and to touch nothing any more.
  bool turned_away() const { return turned_away_; }
  void turn_away() { turned_away_ = true; }

 private:
  LogicalUnit& unit_;
  const NexusState& nexus_;
  const std::uint64_t serial_;
  bool turned_away_ = false;
};

}  // namespace holdfast::target
