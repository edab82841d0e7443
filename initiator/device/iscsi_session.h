#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/iscsi/pdu.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/iscsi_login.h"
#include "initiator/device/path_witness.h"
#include "initiator/device/wire_use.h"

namespace holdfast::initiator {

class ScsiCommand;

struct DiscoveredTarget {
  std::string name;
  std::vector<std::string> portals;  // "127.0.0.1:3260,1"
};

/// A discovery that lists more is cut off there.
inline constexpr std::size_t discovered_targets_max = 10'000;

/// What a SCSI command of a conversation came to.
struct ScsiReply {
  int status = 0;  // SAM-5
  std::uint8_t sense_key = 0;
  std::uint16_t asc_ascq = 0;
  std::vector<std::uint8_t> data;

  bool good() const { return status == 0; }
  /// Big-endian bytes of `data`; zero where it is too short.
  std::uint64_t number(std::size_t offset, std::size_t bytes) const;
  /// Printable text of `data` without the spaces around it.
  std::string text(std::size_t offset, std::size_t bytes) const;
  /// The status and the sense data in words.
  std::string words() const;
};

/// A SCSI status and its sense data in words: "MEDIUM ERROR (3h), 0ch/00h".
std::string scsi_words(int status, std::uint8_t sense_key, std::uint16_t asc_ascq);

/// A LUN's number as the first two bytes of its eight: peripheral addressing up to 255, flat space
/// addressing above (SAM-5 section 4.7).
constexpr int lun_address(std::uint16_t lun) { return lun < 256 ? lun : 0x4000 | lun; }
/// The same as it stands in a PDU.
constexpr iscsi::LunBytes lun_bytes(std::uint16_t lun) {
  const int address = lun_address(lun);
  return {static_cast<std::uint8_t>(address >> 8), static_cast<std::uint8_t>(address)};
}

/// A session with a target, whoever drives it. For conversations, one command or question at a time: a step
/// that misses its deadline fails the session. And for a device, which submits commands side by side.
class IscsiSession {
 public:
  IscsiSession() = default;
  IscsiSession(const IscsiSession&) = delete;
  IscsiSession& operator=(const IscsiSession&) = delete;
  /// `close` has finished by then.
  virtual ~IscsiSession() = default;

  virtual IscsiEngine engine() const = 0;
  virtual bool failed() const = 0;
  /// Why, once it has.
  virtual const Error& failure() const = 0;
  /// "127.0.0.1:3260".
  virtual const std::string& portal() const = 0;
  /// What a run's record says of it: what was agreed on, its portal, what it is known by.
  virtual std::map<std::string, std::string> negotiated() const = 0;
  /// The bytes of the connection, up to its end once it has ended; no requests.
  virtual WireUse wire() const = 0;
  /// What is known of the connection, and of what is under way on it.
  virtual ConnectionEvidence evidence() const = 0;
  /// None once the session has failed.
  virtual std::optional<PeerDoor> door() const = 0;
  /// Pings the target now, unless a ping is open.
  virtual bool ping() = 0;

  /// Makes a command that can be submitted over and over, and lives as long as the session. There may be
  /// as many as the session was made for.
  virtual ScsiCommand& add_command() = 0;
  /// Sends one of those as soon as the target's window admits it. The session has not failed.
  virtual void submit(ScsiCommand& command) = 0;
  /// Ends the session at once. Commands are given back later.
  virtual void fail(Error why) = 0;

  /// Sends a command that reads up to `bytes` and waits for its reply. Unit attentions are passed over,
  /// and a busy target is asked again.
  Task<Result<ScsiReply>> command(std::uint16_t lun, std::vector<std::uint8_t> cdb, std::uint32_t bytes,
                                  Instant deadline);
  /// SendTargets=All, in a discovery session.
  virtual Task<Result<std::vector<DiscoveredTarget>>> send_targets(Instant deadline) = 0;
  /// Logs out within `deadline`, or not, and lets go of the connection.
  virtual Task<void> close(Duration deadline) = 0;

 protected:
  /// One command and its reply, whatever that is. `cdb` stays until then.
  virtual Task<Result<ScsiReply>> send_once(std::uint16_t lun, std::span<const std::uint8_t> cdb,
                                            std::uint32_t bytes, Instant deadline) = 0;
};

/// How many times a target may send us on to another address.
inline constexpr int redirections_max = 3;

/// Where "127.0.0.1:3260,1" of a redirection by `portal` leads, the `hop`th one of this login.
Result<SocketAddress> redirected_address(const std::string& portal, const std::string& elsewhere, int hop);

/// Nobody listens there, or something else does.
Error not_connected(const std::string& portal, const Error& why);
/// We were not let in: `heard` are the bytes that came back.
Error not_logged_in(const IscsiLogin& login, const std::string& portal, std::span<const std::byte> heard,
                    const Error& why);
/// A deadline that passed, `since` when.
Error no_answer_since(Instant since);

}  // namespace holdfast::initiator
