#include "target/admin/show.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

#include "target/config/write_config.h"

namespace holdfast::target {
namespace {

using nlohmann::json;

/// Lines `Key=value` and members of an object at once.
class Pairs {
 public:
  template <typename Value>
  Pairs& number(const char* key, Value value) {
    return add(key, std::to_string(value), value);
  }
  Pairs& yes_no(const char* key, bool value) { return add(key, value ? "Yes" : "No", value); }
  Pairs& word(const char* key, std::string_view value) { return add(key, value, std::string(value)); }
  Shown take() { return std::move(shown_); }

 private:
  Pairs& add(const char* key, std::string_view text, json value) {
    shown_.text += fmt::format("{}={}\n", key, text);
    shown_.data[key] = std::move(value);
    return *this;
  }
  Shown shown_{{}, json::object()};
};

const char* digest(bool on) { return on ? "CRC32C" : "None"; }

/// IET's nineteen, in its order. What has no meaning any more has the value that IET forced.
Shown session_keys(const iscsi::Parameters& p, std::uint32_t receive, std::uint32_t transmit,
                   std::string_view header_digest, std::string_view data_digest) {
  Pairs pairs;
  pairs.number("MaxConnections", p.max_connections).yes_no("InitialR2T", p.initial_r2t);
  pairs.yes_no("ImmediateData", p.immediate_data).number("MaxRecvDataSegmentLength", receive);
  pairs.number("MaxXmitDataSegmentLength", transmit).number("MaxBurstLength", p.max_burst_length);
  pairs.number("FirstBurstLength", p.first_burst_length).number("DefaultTime2Wait", p.default_time2wait);
  pairs.number("DefaultTime2Retain", p.default_time2retain).number("MaxOutstandingR2T", p.max_outstanding_r2t);
  pairs.yes_no("DataPDUInOrder", p.data_pdu_in_order).yes_no("DataSequenceInOrder", p.data_sequence_in_order);
  pairs.number("ErrorRecoveryLevel", p.error_recovery_level);
  pairs.word("HeaderDigest", header_digest).word("DataDigest", data_digest);
  pairs.yes_no("OFMarker", false).yes_no("IFMarker", false);
  return pairs.number("OFMarkInt", 2048).number("IFMarkInt", 2048).take();
}

Shown target_keys(const TargetConfig& target) {
  Pairs pairs;
  pairs.number("Wthreads", 8).number("Type", 0).number("QueuedCommands", target.queued_commands);
  return pairs.number("NOPInterval", target.nop_interval).number("NOPTimeout", target.nop_timeout).take();
}

json connections_of(const Session& session) {
  json connections = json::array();
  for (const std::unique_ptr<Connection>& connection : session.connections())
    if (!connection->is_over()) connections.push_back(show_connection(*connection).data);
  return connections;
}

json describe_session(const Session& session) {
  json described = {{"sid", sid_of(session)}, {"initiator", session.login().caller.initiator_name}};
  if (!session.login().initiator_alias.empty()) described["alias"] = session.login().initiator_alias;
  if (!session.login().user.empty()) described["user"] = session.login().user;
  described["keys"] = show_session(session).data;
  described["connections"] = connections_of(session);
  return described;
}

}  // namespace

Shown show_offer(const TargetConfig& target) {
  return session_keys(target.offered, target.offered.our_max_recv_data_segment_length,
                      target.max_xmit_data_segment_length, target.header_digest.list(), target.data_digest.list());
}

Shown show_session(const Session& session) {
  const iscsi::Parameters& p = session.login().parameters;
  const std::uint32_t transmit =
      std::min(p.peer_max_recv_data_segment_length, session.login().target->max_xmit_data_segment_length);
  return session_keys(p, p.our_max_recv_data_segment_length, transmit, digest(p.header_digest),
                      digest(p.data_digest));
}

Shown show_lun(const ServedTarget& target, const LunConfig& lun) {
  const LogicalUnit& unit = *target.device->find(lun.number);
  Pairs pairs;
  pairs.number("Lun", lun.number).word("Type", name_of(lun.type));
  if (!lun.path.empty())
    pairs.word("Path", lun.path).word("IOMode", name_of(lun.mode));
  pairs.number("BlockSize", unit.geometry().block_bytes).number("Blocks", unit.geometry().blocks);
  return pairs.word("ScsiId", unit.identity().scsi_id).word("ScsiSN", unit.identity().serial_number).take();
}

Shown show_connection(const Connection& connection) {
  const LoginOutcome& login = connection.login();
  Pairs pairs;
  pairs.number("Cid", connection.cid()).word("Initiator", login.caller.peer.to_string());
  pairs.word("Portal", login.caller.local.to_string()).word("State", connection.is_running() ? "active" : "closing");
  pairs.word("HeaderDigest", digest(login.parameters.header_digest));
  pairs.word("DataDigest", digest(login.parameters.data_digest));
  return pairs.number("Thread", connection.thread()).take();
}

Shown show_target(const Administrator& administrator, const ServedTarget& target) {
  Shown shown{target_keys(*target.config).text, {{"tid", target.tid}, {"name", target.config->name}}};
  json& data = shown.data;
  if (!target.config->alias.empty()) data["alias"] = target.config->alias;
  data["keys"] = target_keys(*target.config).data;
  data["keys"].update(show_offer(*target.config).data);
  data["keys"]["MaxSessions"] = target.config->max_sessions;
  data["luns"] = json::array();
  for (const LunConfig& lun : target.config->luns)
    if (target.device->find(lun.number) != nullptr) data["luns"].push_back(show_lun(target, lun).data);
  data["users"] = show_users(target.config->accounts, nullptr).data;
  data["sessions"] = json::array();
  administrator.sessions().for_each([&](std::uint16_t, const Session& session) {
    if (session.login().target->name == target.config->name) data["sessions"].push_back(describe_session(session));
  });
  return shown;
}

Shown show_users(const Accounts& accounts, const Administrator::NamedUser* one) {
  Shown shown{{}, json::array()};
  const auto add = [&](AccountKind kind, const Account& account) {
    if (one != nullptr && (one->kind != kind || one->name != account.name)) return;
    const char* directive = kind == AccountKind::incoming ? "IncomingUser" : "OutgoingUser";
    json user = {{directive, account.name}};
    shown.text += fmt::format("{} {}", directive, account.name);
    if (one != nullptr) {
      shown.text += " " + account.secret;
      user["Password"] = account.secret;
    }
    shown.text += "\n";
    shown.data.push_back(std::move(user));
  };
  for (const Account& account : accounts.incoming) add(AccountKind::incoming, account);
  if (accounts.outgoing) add(AccountKind::outgoing, *accounts.outgoing);
  return shown;
}

Shown show_all(const Administrator& administrator) {
  Shown shown{{}, {{"targets", json::array()}}};
  shown.data["discovery_users"] = show_users(*administrator.targets().discovery_accounts(), nullptr).data;
  for (const std::unique_ptr<ServedTarget>& target : administrator.targets().all()) {
    shown.data["targets"].push_back(show_target(administrator, *target).data);
    shown.text += fmt::format("tid {}  {}  Luns {}  sessions {}\n", target->tid, target->config->name,
                              target->config->luns.size(), shown.data["targets"].back()["sessions"].size());
  }
  return shown;
}

}  // namespace holdfast::target
