#include "common/scsi/command_words.h"

#include <fmt/format.h>

#include <string_view>
#include <variant>

namespace holdfast::scsi {
namespace {

struct Name {
  std::uint8_t opcode;
  std::string_view words;
};

constexpr Name names[] = {
    {0x00, "TEST UNIT READY"},
    {0x03, "REQUEST SENSE"},
    {0x04, "FORMAT UNIT"},
    {0x08, "READ(6)"},
    {0x0a, "WRITE(6)"},
    {0x12, "INQUIRY"},
    {0x15, "MODE SELECT(6)"},
    {0x16, "RESERVE(6)"},
    {0x17, "RELEASE(6)"},
    {0x1a, "MODE SENSE(6)"},
    {0x1b, "START STOP UNIT"},
    {0x1e, "PREVENT ALLOW MEDIUM REMOVAL"},
    {0x25, "READ CAPACITY(10)"},
    {0x28, "READ(10)"},
    {0x2a, "WRITE(10)"},
    {0x2e, "WRITE AND VERIFY(10)"},
    {0x2f, "VERIFY(10)"},
    {0x34, "PRE-FETCH(10)"},
    {0x35, "SYNCHRONIZE CACHE(10)"},
    {0x37, "READ DEFECT DATA(10)"},
    {0x41, "WRITE SAME(10)"},
    {0x42, "UNMAP"},
    {0x48, "SANITIZE"},
    {0x4c, "LOG SELECT"},
    {0x4d, "LOG SENSE"},
    {0x55, "MODE SELECT(10)"},
    {0x56, "RESERVE(10)"},
    {0x57, "RELEASE(10)"},
    {0x5a, "MODE SENSE(10)"},
    {0x5e, "PERSISTENT RESERVE IN"},
    {0x5f, "PERSISTENT RESERVE OUT"},
    {0x83, "EXTENDED COPY"},
    {0x84, "RECEIVE COPY RESULTS"},
    {0x88, "READ(16)"},
    {0x89, "COMPARE AND WRITE"},
    {0x8a, "WRITE(16)"},
    {0x8b, "ORWRITE(16)"},
    {0x8e, "WRITE AND VERIFY(16)"},
    {0x8f, "VERIFY(16)"},
    {0x90, "PRE-FETCH(16)"},
    {0x91, "SYNCHRONIZE CACHE(16)"},
    {0x93, "WRITE SAME(16)"},
    {0x9c, "WRITE ATOMIC(16)"},
    {0xa0, "REPORT LUNS"},
    {0xa8, "READ(12)"},
    {0xaa, "WRITE(12)"},
    {0xae, "WRITE AND VERIFY(12)"},
    {0xaf, "VERIFY(12)"},
    {0xb7, "READ DEFECT DATA(12)"},
};

/// Of operation codes that many commands share (SPC-4 annex E).
struct ServiceAction {
  std::uint8_t opcode, action;
  std::string_view words;
};

constexpr ServiceAction service_actions[] = {
    {0x7f, 0x0d, "WRITE SAME(32)"},
    {0x9e, 0x10, "READ CAPACITY(16)"},
    {0x9e, 0x12, "GET LBA STATUS"},
    {0xa3, 0x0a, "REPORT TARGET PORT GROUPS"},
    {0xa3, 0x0c, "REPORT SUPPORTED OPERATION CODES"},
    {0xa3, 0x0d, "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS"},
    {0xa4, 0x0a, "SET TARGET PORT GROUPS"},
};

}  // namespace

std::string name_of(const CdbBytes& cdb) {
  for (const Name& name : names)
    if (name.opcode == cdb[0]) return std::string(name.words);
  for (const ServiceAction& name : service_actions)
    if (name.opcode == cdb[0] && name.action == service_action_of(cdb)) return std::string(name.words);
  return fmt::format("operation code {:02x}h", cdb[0]);
}

std::optional<BlockRange> blocks_of(const CdbBytes& cdb) {
  return std::visit(
      [](const auto& command) -> std::optional<BlockRange> {
        if constexpr (requires { command.range.lba; }) return command.range;
        return std::nullopt;
      },
      decode_cdb(cdb));
}

std::string words_of(const CdbBytes& cdb) {
  const std::optional<BlockRange> range = blocks_of(cdb);
  if (!range) return name_of(cdb);
  return fmt::format("{} of {} block{} at LBA {}", name_of(cdb), range->blocks, range->blocks == 1 ? "" : "s",
                     range->lba);
}

}  // namespace holdfast::scsi
