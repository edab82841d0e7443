#include "target/admin/proc_text.h"

#include <fmt/format.h>
#include <string_view>
#include <vector>

#include "target/config/write_config.h"
#include "target/session/session.h"

namespace holdfast::target {
namespace {

std::string lun_line(const LunConfig& lun, bool leaving, std::uint64_t blocks, std::uint32_t block_bytes) {
  std::string line = fmt::format("\tlun:{} state:{:x} iotype:{} iomode:{} blocks:{} blocksize:{}", lun.number,
                                 leaving ? 1 : 0, name_of(lun.type), name_of(lun.mode), blocks, block_bytes);
  if (!lun.path.empty()) line += " path:" + lun.path;
  return line + "\n";
}

std::string target_line(const ServedTarget& target) {
  return fmt::format("tid:{} name:{}\n", target.tid, target.config->name);
}

/// An IPv6 address stands in brackets, and in full: eight groups of four digits.
std::string ip_text(const SocketAddress& address) {
  if (!address.is_ipv6()) return address.host();
  std::string text = "[";
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address.get());
  for (std::size_t i = 0; i < 16; ++i) {
    if (i > 0 && i % 2 == 0) text += ':';
    text += fmt::format("{:02x}", v6->sin6_addr.s6_addr[i]);
  }
  return text + "]";
}

const char* digest(bool on) { return on ? "crc32c" : "none"; }

std::string connection_line(const Connection& connection) {
  const LoginOutcome& login = connection.login();
  return fmt::format("\t\tcid:{} ip:{} state:{} hd:{} dd:{}\n", connection.cid(), ip_text(login.caller.peer),
                     connection.is_running() ? "active" : "closing", digest(login.parameters.header_digest),
                     digest(login.parameters.data_digest));
}

}  // namespace

std::string volume_text(const Administrator& administrator) {
  std::string text;
  const auto& targets = administrator.targets().all();
  for (auto at = targets.rbegin(); at != targets.rend(); ++at) {
    const ServedTarget& target = **at;
    text += target_line(target);
    for (const LunConfig& lun : target.config->luns) {
      const LogicalUnit* unit = target.device->find(lun.number);
      if (unit != nullptr) text += lun_line(lun, false, unit->geometry().blocks, unit->geometry().block_bytes);
    }
    for (const LeavingLun& leaving : administrator.leaving())
      if (leaving.target == target.config->name)
        text += lun_line(leaving.lun, true, leaving.blocks, leaving.block_bytes);
  }
  return text;
}

std::string session_text(const Administrator& administrator) {
  std::string text;
  const auto& targets = administrator.targets().all();
  for (auto at = targets.rbegin(); at != targets.rend(); ++at) {
    const ServedTarget& target = **at;
    text += target_line(target);
    std::string sessions;
    administrator.sessions().for_each([&](std::uint16_t, const Session& session) {
      if (session.login().target->name != target.config->name) return;
      std::string one = fmt::format("\tsid:{} initiator:{}\n", sid_of(session), session.login().caller.initiator_name);
      for (const std::unique_ptr<Connection>& connection : session.connections())
        if (!connection->is_over()) one += connection_line(*connection);
      sessions.insert(0, one);
    });
    text += sessions;
  }
  return text;
}

}  // namespace holdfast::target
