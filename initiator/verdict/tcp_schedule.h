#pragma once

#include "common/base/clock.h"

namespace holdfast::initiator {

/// After how long TCP is heard again when a path was cut for `outage`: the sender tries again at growing
/// intervals, so that up to twice the outage passes before a try gets through. `first_timeout` is the
/// retransmission timeout that the connection had: 200 ms in a LAN (Linux's least), which then doubles. At
/// most `tries_max` tries are looked at.
Duration tcp_silence_of(Duration outage, Duration first_timeout = std::chrono::milliseconds(204));

}  // namespace holdfast::initiator
