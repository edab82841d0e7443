#include "initiator/engine/discovery.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "initiator/engine/iscsi_engine.h"
#include "initiator/device/resolve.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint32_t lun_list_bytes = 16 * 1024;
constexpr Duration goodbye = std::chrono::seconds(1);

std::vector<std::uint8_t> report_luns() {
  const auto byte = [](unsigned shift) { return static_cast<std::uint8_t>(lun_list_bytes >> shift); };
  return {0xa0, 0, 0, 0, 0, 0, byte(24), byte(16), byte(8), byte(0), 0, 0};
}

Task<void> look_at_lun(Loop& loop, IscsiSession& session, FoundLun& lun, Duration step) {
  Result<LunFacts> who = co_await identify_lun(session, lun.number, clock_now() + step);
  if (!who) {
    lun.problem = who.error().message;
    co_return;
  }
  lun.facts = *who;
  if (who->peripheral_type != 0) co_return;
  Result<LunFacts> all = co_await probe_lun(loop, session, lun.number, clock_now() + step);
  if (all)
    lun.facts = *all;
  else
    lun.problem = all.error().message;
}

Task<void> look_into(Loop& loop, IscsiSession& session, FoundTarget& target, Duration step) {
  std::vector<std::uint8_t> cdb = report_luns();
  Result<ScsiReply> reply = co_await session.command(0, std::move(cdb), lun_list_bytes, clock_now() + step);
  if (!reply) {
    target.problem = reply.error().message;
    co_return;
  }
  if (!reply->good()) {
    target.problem = "REPORT LUNS: " + reply->words();
    co_return;
  }
  for (std::uint16_t number : parse_lun_list(reply->data)) {
    FoundLun& lun = target.luns.emplace_back();
    lun.number = number;
    co_await look_at_lun(loop, session, lun, step);
    if (session.failed()) co_return;
  }
}

}  // namespace

std::vector<std::uint16_t> parse_lun_list(const std::vector<std::uint8_t>& data) {
  std::vector<std::uint16_t> luns;
  if (data.size() < 8) return luns;
  const std::size_t listed = std::size_t{data[0]} << 24 | std::size_t{data[1]} << 16 | std::size_t{data[2]} << 8 | data[3];
  const std::size_t end = std::min(data.size(), listed + 8);
  for (std::size_t at = 8; at + 8 <= end; at += 8) {
    const unsigned method = data[at] >> 6;
    const auto number = static_cast<std::uint16_t>((data[at] & 0x3f) << 8 | data[at + 1]);
    const bool first_level_only =
        std::all_of(data.begin() + static_cast<std::ptrdiff_t>(at + 2), data.begin() + static_cast<std::ptrdiff_t>(at + 8),
                    [](std::uint8_t byte) { return byte == 0; });
    // Peripheral addressing on bus 0, or flat space addressing (SAM-5 section 4.7).
    const bool usable = (method == 0 && number < 256) || method == 1;
    if (usable && first_level_only) luns.push_back(number);
  }
  return luns;
}

Task<Result<std::vector<FoundTarget>>> discover(Loop& loop, IscsiUrl portal, IscsiEngine engine, Duration step) {
  std::string host = portal.host;
  Result<SocketAddress> address = co_await resolve(loop, std::move(host), portal.port, clock_now() + step);
  if (!address) co_return address.error();
  const IscsiLogin login = IscsiLogin::of(portal, *address);
  IscsiLogin asking = login;
  asking.header_digest = asking.data_digest = false;  // Discovery is too short to be worth one, and targets may decline it.
  Result<std::unique_ptr<IscsiSession>> session =
      co_await log_in(loop, engine, std::move(asking), clock_now() + step);
  if (!session) co_return session.error();
  Result<std::vector<DiscoveredTarget>> names = co_await (*session)->send_targets(clock_now() + step);
  co_await (*session)->close(goodbye);
  if (!names) co_return names.error();

  std::vector<FoundTarget> targets;
  for (DiscoveredTarget& name : *names) {
    FoundTarget& target = targets.emplace_back();
    target.name = std::move(name.name);
    target.portals = std::move(name.portals);
    IscsiLogin entering = login;
    entering.target = target.name;
    Result<std::unique_ptr<IscsiSession>> inside =
        co_await log_in(loop, engine, std::move(entering), clock_now() + step);
    if (!inside) {
      target.problem = inside.error().message;
      continue;
    }
    co_await look_into(loop, **inside, target, step);
    co_await (*inside)->close(goodbye);
  }
  co_return targets;
}

}  // namespace holdfast::initiator
