#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/device.h"
#include "initiator/device/iscsi_login.h"
#include "initiator/device/iscsi_session.h"
#include "initiator/device/iscsi_url.h"

// The only place that knows every engine.

namespace holdfast::initiator {

/// Connects and logs in with `engine`, following a few redirections, until `deadline`. A device on top may
/// have so many commands.
Task<Result<std::unique_ptr<IscsiSession>>> log_in(Loop& loop, IscsiEngine engine, IscsiLogin login,
                                                   Instant deadline, std::uint32_t commands_max = 0);

struct IscsiDiskOptions {
  Duration open_deadline = std::chrono::seconds(10);  // for name, connection, login and probing
  std::uint32_t depth_max = 32;
  /// Our end of the session; the same again takes an old session over.
  iscsi::Isid isid = IscsiLogin::random_isid();
};

/// Opens the URL's LUN as a device. The URL has its password by now (`IscsiUrl::complete_password`).
Task<Result<std::unique_ptr<Device>>> open_iscsi_disk(Loop& loop, IscsiEngine engine, IscsiUrl url,
                                                      IscsiDiskOptions options);

}  // namespace holdfast::initiator
