#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "initiator/device/device.h"

// When a lost session is sought again, and what may then be sent once more. Pure.

namespace holdfast::initiator {

/// What a peer promises of the commands of a session that broke.
enum class OldCommands : std::uint8_t {
  /// They are over before any command of the next session is executed. So it is with iSCSI: a login
  /// with the same names and ISID takes the old session over and ends it (RFC 7143 section 6.3.5).
  end_first,
  /// Nothing: a write may still be on its way to the medium when the next session writes. NBD has no
  /// word for it.
  may_linger,
};

/// Whether a request that was in flight when the session broke may be sent again in the next one. What
/// changes nothing may. A write may where its first sending can do nothing any more: it could land on
/// top of something newer.
bool may_be_sent_again(DeviceOperation operation, OldCommands old);

/// How the peer is sought: at once, then after pauses that grow, until the time is over.
class ReconnectSchedule {
 public:
  static constexpr Duration pause_min = std::chrono::milliseconds(100);
  static constexpr Duration pause_max = std::chrono::seconds(2);

  ReconnectSchedule(Instant lost, Duration total) : deadline_(lost + total), next_(lost) {}

  /// When the next attempt is due; nothing when there is no time left for one.
  std::optional<Instant> next_attempt() const;
  /// It failed, at `now`.
  void failed(Instant now);
  int attempts() const { return attempts_; }
  /// How long an attempt that begins at `now` may take.
  Duration limit_of_attempt(Instant now) const;

 private:
  /// A peer that is there answers sooner, and one that is not must not hold up the next attempt.
  static constexpr Duration attempt_max = std::chrono::seconds(5);

  Instant deadline_;
  Instant next_;
  Duration pause_ = pause_min;
  int attempts_ = 0;
};

/// What a device says of itself by which one knows it again: its measures and what it negotiated.
struct DeviceIdentity {
  std::uint64_t bytes = 0;
  std::uint32_t block_bytes = 0;
  std::map<std::string, std::string> facts;

  static DeviceIdentity of(const Device& device);
  /// Why `found` is not the device that we had; empty if it is.
  std::string difference(const DeviceIdentity& found) const;
};

}  // namespace holdfast::initiator
