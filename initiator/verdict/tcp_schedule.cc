#include "initiator/verdict/tcp_schedule.h"

#include <algorithm>

namespace holdfast::initiator {

Duration tcp_silence_of(Duration outage, Duration first_timeout) {
  constexpr Duration longest_interval = std::chrono::seconds(120);
  // The first try is the probe of the tail, which the timeout follows; each interval is twice the one before.
  Duration tried_at = first_timeout;
  Duration interval = first_timeout;
  while (tried_at < outage) {
    tried_at += interval;
    interval = std::min(interval * 2, longest_interval);
  }
  return tried_at;
}

}  // namespace holdfast::initiator
