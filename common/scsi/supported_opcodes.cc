#include "common/scsi/supported_opcodes.h"

#include <algorithm>

#include "common/scsi/cdb_table.h"

namespace holdfast::scsi {
namespace {

using Options = ReportSupportedOpcodes::Options;

/// The command timeouts descriptor (SPC-4 6.35.4): we promise no times.
void put_timeouts(ParameterData& data) {
  data.put_be16(0x000a);
  data.put_zeros(10);
}

ParameterData all_commands(bool timeouts, const CommandSet& commands) {
  ParameterData data;
  data.put_be32(0);
  for (const CdbRow& row : cdb_table()) {
    if (!row.is_in(commands)) continue;
    data.put({row.opcode(), 0});
    data.put_be16(row.service_action.value_or(0));
    data.put(
        {0, static_cast<std::uint8_t>((timeouts ? 0x02 : 0) | (row.service_action ? 0x01 : 0))});
    data.put_be16(row.length);
    if (timeouts) put_timeouts(data);
  }
  data.set_be32(0, static_cast<std::uint32_t>(data.size() - 4));
  return data;
}

ParameterData one_command(const CdbRow* row, bool timeouts) {
  constexpr std::uint8_t not_supported = 1, as_in_standard = 3, in_a_way_of_its_own = 5;
  ParameterData data;
  if (row == nullptr) {
    data.put({0, not_supported, 0, 0});
    return data;
  }
  const std::uint8_t support = row->as_standard ? as_in_standard : in_a_way_of_its_own;
  data.put({0, static_cast<std::uint8_t>((timeouts ? 0x80 : 0) | support)});
  data.put_be16(row->length);
  data.put(std::span<const std::uint8_t>(row->usage).first(row->length));
  if (timeouts) put_timeouts(data);
  return data;
}

}  // namespace

std::variant<ParameterData, Sense> report_supported_opcodes(const ReportSupportedOpcodes& command,
                                                            const CommandSet& commands) {
  if (command.options == Options::all) return all_commands(command.timeouts, commands);

  const std::span<const CdbRow> table = cdb_table();
  const auto by_opcode = std::find_if(table.begin(), table.end(), [&](const CdbRow& row) {
    return row.opcode() == command.opcode && row.is_in(commands);
  });
  const bool has_service_actions = by_opcode != table.end() && by_opcode->service_action;
  if (command.options == Options::opcode && has_service_actions) return invalid_field_in_cdb(2, 2);
  if (command.options == Options::service_action && by_opcode != table.end() &&
      !has_service_actions)
    return invalid_field_in_cdb(2, 2);

  const auto found = std::find_if(table.begin(), table.end(), [&](const CdbRow& row) {
    if (row.opcode() != command.opcode || !row.is_in(commands)) return false;
    if (command.options == Options::opcode) return true;
    return row.service_action.value_or(0) == command.service_action;
  });
  return one_command(found == table.end() ? nullptr : &*found, command.timeouts);
}

}  // namespace holdfast::scsi
