#include "initiator/device/lun_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "common/base/units.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint8_t key_not_ready = 0x02;
constexpr std::uint8_t key_illegal_request = 0x05;
constexpr std::uint16_t lun_not_supported = 0x2500;
constexpr std::uint8_t asc_becoming_ready = 0x04;

using Cdb = std::vector<std::uint8_t>;

Cdb inquiry(std::uint8_t bytes) { return {0x12, 0, 0, 0, bytes, 0}; }
Cdb vital_page(std::uint8_t page, std::uint8_t bytes) { return {0x12, 1, page, 0, bytes, 0}; }
Cdb test_unit_ready() { return {0x00, 0, 0, 0, 0, 0}; }
Cdb read_capacity_10() { return {0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}; }
Cdb read_capacity_16() { return {0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0}; }
Cdb mode_sense_6(std::uint8_t page, std::uint8_t bytes) { return {0x1a, 0x08, page, 0, bytes, 0}; }

Error refused(std::uint16_t lun, const char* command, const ScsiReply& reply) {
  return Error{ErrorKind::refused, EIO, fmt::format("LUN {}: {}: {}", lun, command, reply.words())};
}

Error no_such_lun(const IscsiSession& session, std::uint16_t lun) {
  return Error{ErrorKind::refused, ENXIO,
               fmt::format("open LUN {0} at {1}: the target has no LUN {0}; `holdfast discover iscsi://{1}` lists "
                           "those that it has",
                           lun, session.portal())};
}

bool has_page(const ScsiReply& pages, std::uint8_t page) {
  const auto count = static_cast<std::size_t>(pages.number(2, 2));
  for (std::size_t i = 0; i < count; ++i)
    if (pages.number(4 + i, 1) == page) return true;
  return false;
}

Task<Status> wait_until_ready(Loop& loop, IscsiSession& session, std::uint16_t lun, Instant deadline) {
  for (;;) {
    Cdb cdb = test_unit_ready();
    Result<ScsiReply> reply = co_await session.command(lun, std::move(cdb), 0, deadline);
    if (!reply) co_return reply.error();
    if (reply->good()) co_return Status();
    const bool soon = reply->sense_key == key_not_ready && reply->asc_ascq >> 8 == asc_becoming_ready;
    if (!soon || clock_now() + std::chrono::milliseconds(200) > deadline)
      co_return refused(lun, "TEST UNIT READY", *reply);
    co_await sleep_for(loop, std::chrono::milliseconds(200));
  }
}

Task<Status> read_capacity(IscsiSession& session, std::uint16_t lun, LunFacts& facts, Instant deadline) {
  Cdb cdb = read_capacity_16();
  Result<ScsiReply> reply = co_await session.command(lun, std::move(cdb), 32, deadline);
  if (!reply) co_return reply.error();
  facts.long_commands = reply->good() && reply->data.size() >= 12;
  if (facts.long_commands) {
    facts.blocks = reply->number(0, 8) + 1;
    facts.block_bytes = static_cast<std::uint32_t>(reply->number(8, 4));
    co_return Status();
  }
  cdb = read_capacity_10();
  reply = co_await session.command(lun, std::move(cdb), 8, deadline);
  if (!reply) co_return reply.error();
  if (!reply->good() || reply->data.size() < 8) co_return refused(lun, "READ CAPACITY", *reply);
  facts.blocks = reply->number(0, 4) + 1;
  facts.block_bytes = static_cast<std::uint32_t>(reply->number(4, 4));
  co_return Status();
}

/// What may be missing: then the defaults stand.
Task<Status> read_limits(IscsiSession& session, std::uint16_t lun, LunFacts& facts, Instant deadline) {
  Cdb cdb = vital_page(0x00, 255);
  Result<ScsiReply> pages = co_await session.command(lun, std::move(cdb), 255, deadline);
  if (!pages) co_return pages.error();
  if (pages->good() && has_page(*pages, 0xb0)) {
    cdb = vital_page(0xb0, 64);
    Result<ScsiReply> limits = co_await session.command(lun, std::move(cdb), 64, deadline);
    if (!limits) co_return limits.error();
    facts.transfer_blocks_max = static_cast<std::uint32_t>(limits->number(8, 4));
    facts.unmap_blocks_max = static_cast<std::uint32_t>(limits->number(20, 4));
  }
  if (pages->good() && has_page(*pages, 0xb2)) {
    cdb = vital_page(0xb2, 8);
    Result<ScsiReply> provisioning = co_await session.command(lun, std::move(cdb), 8, deadline);
    if (!provisioning) co_return provisioning.error();
    facts.unmap = (provisioning->number(5, 1) & 0x80) != 0 && facts.unmap_blocks_max > 0;
  }
  cdb = mode_sense_6(0x08, 64);
  Result<ScsiReply> caching = co_await session.command(lun, std::move(cdb), 64, deadline);
  if (!caching) co_return caching.error();
  if (!caching->good()) {  // No caching page: every page it has will do for the header.
    cdb = mode_sense_6(0x3f, 192);
    caching = co_await session.command(lun, std::move(cdb), 192, deadline);
    if (!caching) co_return caching.error();
  }
  if (!caching->good()) co_return Status();
  facts.write_protected = (caching->number(2, 1) & 0x80) != 0;
  facts.forced_access = (caching->number(2, 1) & 0x10) != 0;
  const std::size_t page = 4 + static_cast<std::size_t>(caching->number(3, 1));
  if ((caching->number(page, 1) & 0x3f) == 0x08) facts.write_cache = (caching->number(page + 2, 1) & 0x04) != 0;
  co_return Status();
}

Status check_measures(std::uint16_t lun, const LunFacts& facts) {
  const bool power_of_two = (facts.block_bytes & (facts.block_bytes - 1)) == 0;
  if (facts.block_bytes < 512 || facts.block_bytes > 4096 || !power_of_two)
    return Error{ErrorKind::refused, EINVAL,
                 fmt::format("LUN {} has blocks of {} bytes; 512 to 4096 are supported", lun, facts.block_bytes)};
  if (facts.blocks == 0 || facts.blocks > (std::uint64_t{1} << 63) / facts.block_bytes)
    return Error{ErrorKind::protocol, EPROTO, fmt::format("LUN {} claims {} blocks", lun, facts.blocks)};
  return {};
}

}  // namespace

const char* peripheral_type_name(std::uint8_t type) {
  constexpr std::array<const char*, 16> names = {"disk",      "tape",       "printer",    "processor",
                                                 "worm",      "cd",         "scanner",    "optical memory",
                                                 "changer",   "0x09",       "0x0a",       "0x0b",
                                                 "controller", "enclosure", "simple disk", "card reader"};
  if (type < names.size()) return names[type];
  return type == 0x1f ? "unknown" : "other";
}

Task<Result<LunFacts>> identify_lun(IscsiSession& session, std::uint16_t lun, Instant deadline) {
  Cdb cdb = inquiry(96);
  Result<ScsiReply> reply = co_await session.command(lun, std::move(cdb), 96, deadline);
  if (!reply) co_return reply.error();
  if (reply->sense_key == key_illegal_request && reply->asc_ascq == lun_not_supported) co_return no_such_lun(session, lun);
  if (!reply->good()) co_return refused(lun, "INQUIRY", *reply);
  LunFacts facts;
  const auto first = static_cast<std::uint8_t>(reply->number(0, 1));
  if (reply->data.empty() || first >> 5 != 0) co_return no_such_lun(session, lun);  // SPC-4 table 140
  facts.peripheral_type = first & 0x1f;
  facts.vendor = reply->text(8, 8);
  facts.product = reply->text(16, 16);
  facts.revision = reply->text(32, 4);

  cdb = vital_page(0x80, 255);
  Result<ScsiReply> serial = co_await session.command(lun, std::move(cdb), 255, deadline);
  if (!serial) co_return serial.error();
  if (serial->good()) facts.serial = serial->text(4, static_cast<std::size_t>(serial->number(3, 1)));
  co_return facts;
}

Task<Result<LunFacts>> probe_lun(Loop& loop, IscsiSession& session, std::uint16_t lun, Instant deadline) {
  Result<LunFacts> facts = co_await identify_lun(session, lun, deadline);
  if (!facts || facts->peripheral_type != 0) co_return facts;
  Status ready = co_await wait_until_ready(loop, session, lun, deadline);
  if (!ready) co_return ready.error();
  Status measured = co_await read_capacity(session, lun, *facts, deadline);
  if (measured) measured = check_measures(lun, *facts);
  if (!measured) co_return measured.error();
  Status limits = co_await read_limits(session, lun, *facts, deadline);
  if (!limits) co_return limits.error();
  co_return facts;
}

}  // namespace holdfast::initiator
