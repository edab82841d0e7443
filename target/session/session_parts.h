#pragma once

#include "target/lun/scsi_target.h"
#include "target/session/command_window.h"
#include "target/session/data_memory.h"
#include "target/session/flight_recorder.h"
#include "target/session/login.h"
#include "target/session/tag_table.h"

namespace holdfast::target {

/// What all connections of a session have in common. It all outlives them.
struct SessionParts {
  ScsiTarget& target;
  Nexus& nexus;
  CommandWindow& window;
  TagTable& tags;
  DataMemory& memory;
  Reception& reception;
  FlightRecorder& recorder;
};

}  // namespace holdfast::target
