#include "target/lun/unit_visit.h"

#include <algorithm>

#include "target/lun/logical_unit.h"

namespace holdfast::target {

UnitVisit::UnitVisit(LogicalUnit& unit, const Nexus& nexus, StoreRequest* const& step)
    : unit_(unit), nexus_(unit.state_of(nexus)), serial_(++unit.commands_begun_), step_(step) {
  unit.visits_.push_back(this);
}

UnitVisit::~UnitVisit() {
  std::erase(unit_.visits_, this);
  unit_.visit_left(nexus_, serial_);
}

void UnitVisit::turn_away() {
  turned_away_ = true;
  if (step_ != nullptr) Store::give_up(*step_);
}

}  // namespace holdfast::target
