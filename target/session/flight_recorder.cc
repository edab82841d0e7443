#include "target/session/flight_recorder.h"

#include <utility>

namespace holdfast::target {

void FlightRecorder::add(SlowCommand command) {
  command.serial = ++commands_added_;
  if (commands_.size() == commands_max) commands_.pop_front();
  commands_.push_back(std::move(command));
}

void FlightRecorder::connection_ended(std::shared_ptr<const ConnectionTrace> connection) {
  ++connections_ended_;
  if (ended_.size() == connections_max) ended_.pop_front();
  ended_.push_back(std::move(connection));
}

}  // namespace holdfast::target
