#include "target/session/flight_recorder.h"

#include <algorithm>
#include <utility>

#include "common/runtime/loop.h"

namespace holdfast::target {

void FlightRecorder::add(SlowCommand command) {
  command.serial = ++commands_added_;
  if (commands_.size() == commands_max) commands_.pop_front();
  commands_.push_back(std::move(command));
}

void FlightRecorder::expire() {
  const Instant now = loop().now();
  if (now - when() >= pause_min) {
    ++pauses_seen_;
    if (pauses_.size() == pauses_max) pauses_.pop_front();
    pauses_.push_back({.from = when(), .to = now});
  }
  if (under_way_ > 0) arm(now + tick);
}

Duration FlightRecorder::paused(Instant from, Instant to) const {
  Duration all{};
  for (const Pause& pause : pauses_)
    all += std::max(Duration(0), Duration(std::min(to, pause.to) - std::max(from, pause.from)));
  return all;
}

void FlightRecorder::connection_ended(std::shared_ptr<const ConnectionTrace> connection) {
  ++connections_ended_;
  if (ended_.size() == connections_max) ended_.pop_front();
  ended_.push_back(std::move(connection));
}

}  // namespace holdfast::target
