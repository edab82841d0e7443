#pragma once

#include <cstdint>

#include "target/lun/command.h"

namespace holdfast::target {

class LogicalUnit;
class StoreRequest;
struct NexusState;

/// A command of another unit's is at work on this one: EXTENDED COPY between units. Who resets this
/// unit, fences the nexus off, or waits for the unit to be let go, waits for the visit's end too.
class UnitVisit {
 public:
  /// `step` is what the command is waiting for a store with, while it is.
  UnitVisit(LogicalUnit& unit, const Nexus& nexus, StoreRequest* const& step);
  ~UnitVisit();
  UnitVisit(const UnitVisit&) = delete;
  UnitVisit& operator=(const UnitVisit&) = delete;

  LogicalUnit& unit() const { return unit_; }
  const NexusState& nexus() const { return nexus_; }
  /// It has to end as soon as it can, and to touch nothing any more.
  bool turned_away() const { return turned_away_; }
  void turn_away();

 private:
  LogicalUnit& unit_;
  const NexusState& nexus_;
  const std::uint64_t serial_;
  StoreRequest* const& step_;
  bool turned_away_ = false;
};

}  // namespace holdfast::target
