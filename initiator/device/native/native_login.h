#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/iscsi/parameters.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/iscsi_login.h"

namespace holdfast::initiator {

/// A connection in the full feature phase, and what the login came to.
struct LoggedIn {
  Fd fd;
  iscsi::Parameters parameters;
  std::uint32_t cmd_sn = 0;       // of the first command
  std::uint32_t max_cmd_sn = 0;
  std::uint32_t exp_stat_sn = 0;  // of the first response
  std::uint16_t tsih = 0;
  std::string initiator;  // our own name
  std::string portal;  // where we are, after all redirections
  /// What the target answered and declared, for the record.
  std::map<std::string, std::string> keys;
};

/// What we offer: few round trips, and large pieces.
iscsi::Parameters offered_parameters();

/// Connects and logs in, following a few redirections, until `deadline`. The error says where it
/// ended, why, and what to do.
Task<Result<LoggedIn>> log_in_natively(Loop& loop, IscsiLogin login, Instant deadline);

}  // namespace holdfast::initiator
