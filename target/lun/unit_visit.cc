#include "target/lun/unit_visit.h"

#include <algorithm>

#include "target/lun/logical_unit.h"

namespace holdfast::target {

UnitVisit::UnitVisit(LogicalUnit& unit, const Nexus& nexus)
    : unit_(unit), nexus_(unit.state_of(nexus)), serial_(++unit.commands_begun_) {
  unit.visits_.push_back(this);
}

UnitVisit::~UnitVisit() {
  std::erase(unit_.visits_, this);
  unit_.visit_left(nexus_, serial_);
}

}  // namespace holdfast::target
