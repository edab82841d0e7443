#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/iscsi/codes.h"
#include "common/iscsi/parameters.h"
#include "common/iscsi/pdu.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"
#include "target/config/config.h"

namespace holdfast::target {

/// Who is at the door: an initiator, and the two ends of its connection.
struct Caller {
  std::string initiator_name;
  SocketAddress local;
  SocketAddress peer;
  std::uint16_t portal_group = 1;  // of the portal that it came by
};

/// A target's configuration as it was when somebody asked. Whatever is changed by an administrator is
/// a new one, for logins from then on.
using TargetRef = std::shared_ptr<const TargetConfig>;

/// What a login came to. For a discovery session `target` is null and `tsih` is 0 in this struct,
/// whatever the wire said.
struct LoginOutcome {
  Caller caller;
  std::string initiator_alias;  // empty if it named none
  std::string user;             // the account that it proved to be; empty where none was asked for
  iscsi::Isid isid{};
  std::uint16_t tsih = 0;  // ours to the session, from Reception::admit; given back when it ends
  std::uint16_t cid = 0;
  bool joins = false;  // the session of that TSIH, as one more connection
  TargetRef target;
  iscsi::Parameters parameters;
  /// The CmdSN that the first non-immediate command will carry.
  std::uint32_t exp_cmd_sn = 0;
  /// MaxCmdSN as the last Login Response said it: at most the target's QueuedCommands wide.
  std::uint32_t max_cmd_sn = 0;
  /// The StatSN of the first response in the full feature phase.
  std::uint32_t stat_sn = 0;

  bool is_discovery() const { return target == nullptr; }
};

/// What the login and discovery ask of the rest of the daemon.
class Reception {
 public:
  virtual ~Reception() = default;

  /// The target of that name, if this caller may see it where it came to; null otherwise.
  virtual TargetRef find_target(std::string_view name, const Caller& caller) = 0;
  /// The names of all targets that this caller may see, in the file's order.
  virtual std::vector<std::string> target_names(const Caller& caller) = 0;
  /// How this caller reaches the target of that name, as TargetAddress says it (RFC 7143 section 13.8),
  /// the portal first that it came by; nothing if it may not see it.
  virtual std::vector<std::string> target_addresses(std::string_view name, const Caller& caller) = 0;
  /// The tag of the portal group that a connection to `local` came by.
  virtual std::uint16_t portal_group_of(const SocketAddress& local) const = 0;

  /// Who may discover, and as whom we prove ourselves then.
  virtual std::shared_ptr<const Accounts> discovery_accounts() const = 0;
  /// A login from there failed. Whether the log may have a line about it, so that a flood does not
  /// fill it; then, how many went without since the last one.
  virtual std::optional<std::uint64_t> may_log_failure(const SocketAddress&) { return 0; }
  /// A login failed for want of the right secret: how long this source waits for its refusal. More
  /// with each failure, so that guessing is slow.
  virtual Duration note_failed_authentication(const Caller& caller) = 0;

  struct Admission {
    /// `success`, or with what to refuse: too_many_connections beyond MaxSessions,
    /// service_unavailable while draining or when the target is not served as `target` says any
    /// more, out_of_resources.
    iscsi::LoginStatus status = iscsi::LoginStatus::success;
    std::uint16_t tsih = 0;  // not 0 on success, and no other session's
  };
  /// Asked once per normal login, when nothing but the last Login Response is left to be sent. A
  /// live session of the same target, initiator name and ISID is reinstated by this one (RFC 7143
  /// section 6.3.5): the implementation ends it, and does not count it against MaxSessions.
  virtual Admission admit(const TargetConfig& target, const Caller& caller,
                          const iscsi::Isid& isid) = 0;
  /// Takes an admission back: the connection broke before the login's last response was sent.
  virtual void withdraw(const TargetConfig& target, std::uint16_t tsih) = 0;
  /// Ends every session of `target` but the one with that TSIH, at once.
  virtual void end_sessions(const TargetConfig& target, std::uint16_t except, std::string_view why) = 0;

  /// A live session, as a login sees it that asks to join it (TSIH not 0).
  struct Joining {
    /// `success`, or with what to refuse: session_does_not_exist, too_many_connections beyond its
    /// MaxConnections, out_of_resources.
    iscsi::LoginStatus status = iscsi::LoginStatus::success;
    iscsi::Parameters parameters{};  // as its leading login settled them
    std::uint32_t exp_cmd_sn = 0;
    std::uint32_t max_cmd_sn = 0;
  };
  /// Asked when such a login begins, and again when nothing but its last response is left to be sent.
  /// A connection with that CID is reinstated by it, and not counted.
  virtual Joining ask_to_join(const TargetConfig& target, const Caller& caller, const iscsi::Isid& isid,
                              std::uint16_t tsih, std::uint16_t cid) = 0;
  /// The thread of the loop on which the connections of that session are; nothing if there is none.
  virtual std::optional<unsigned> thread_of(std::uint16_t) const { return std::nullopt; }
};

/// How long a login may take from its first byte's wait to its last response.
inline constexpr Duration login_deadline = std::chrono::seconds(15);

/// The login phase on a fresh connection (RFC 7143 section 6.3), from the first byte to the Login
/// Response that opens the full feature phase. It reads not one byte beyond the login. When it
/// fails, the peer has been told with a Login Response where the protocol has one for it, a log
/// line names peer and cause, and the connection is only good for closing.
Task<Result<LoginOutcome>> log_in(Loop& loop, int fd, Reception& reception,
                                  Duration deadline = login_deadline);

}  // namespace holdfast::target
