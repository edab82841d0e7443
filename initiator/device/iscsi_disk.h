#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/device.h"
#include "initiator/device/iscsi_session.h"
#include "initiator/device/iscsi_url.h"
#include "initiator/device/lun_probe.h"
#include "initiator/device/scsi_command.h"

// What every engine's disk makes of requests and of answers: rules, so that a target's words come to
// the same errno and to the same retries whoever carried them.

namespace holdfast::initiator {

/// How often one request's command was sent again, and why.
struct CommandAttempts {
  int busy = 0;
  int at_once = 0;
};

enum class NextAttempt : std::uint8_t {
  none,           // the answer stands
  at_once,        // what it was about has passed by
  after_a_pause,  // the target is busy: see `busy_pause`
};

/// Whether a command is sent again: BUSY and TASK SET FULL after a pause, a unit attention or an aborted
/// command at once, all a bounded number of times. Counts the attempt.
NextAttempt next_attempt(const ScsiAnswer& answer, CommandAttempts& attempts);
/// How long to wait before the attempt that was just counted.
Duration busy_pause(const CommandAttempts& attempts);

/// The unit does not know the operation code.
bool is_unknown_command(const ScsiAnswer& answer);
/// The errno of an answer that stands; `answer.status` is not GOOD.
int errno_of(const ScsiAnswer& answer);

constexpr bool carries_data(const DeviceRequest& request) {
  return request.operation == DeviceOperation::read || request.operation == DeviceOperation::write;
}

/// A GOOD answer to a command that moved fewer bytes than it should have.
inline constexpr const char* moved_too_little =
    "the target moved fewer bytes than it was asked for and called it good";

/// Why a request cannot even be sent to such a disk: an errno, or 0.
int refusal_of(const DeviceRequest& request, const LunFacts& facts, std::uint32_t transfer_bytes_max);

/// What one command of a disk may carry: no more than `wanted`, and no more than it says itself.
std::uint32_t transfer_bytes_of(const LunFacts& facts, std::uint32_t wanted);

/// What an engine's record says of the disk.
std::map<std::string, std::string> words_of(const LunFacts& facts);

/// The URL's LUN over a session, measured. An error if it is no disk.
Task<Result<LunFacts>> probe_disk(Loop& loop, IscsiSession& session, const IscsiUrl& url, Instant deadline);

}  // namespace holdfast::initiator
