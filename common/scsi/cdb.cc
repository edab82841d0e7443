#include "common/scsi/cdb.h"

#include <algorithm>
#include <optional>
#include <span>

#include "common/scsi/cdb_table.h"

namespace holdfast::scsi {
namespace {

/// What of a CDB of variable length ADDITIONAL CDB LENGTH does not count.
constexpr std::size_t variable_header_bytes = 8;

/// The first row of each operation code, by operation code; rows of one code follow one another.
std::array<const CdbRow*, 256> index_rows() {
  std::array<const CdbRow*, 256> index{};
  for (const CdbRow& row : cdb_table())
    if (index[row.opcode()] == nullptr) index[row.opcode()] = &row;
  return index;
}

/// The highest bit that is not the command's, as a pointer to the start of the run of such bits
/// that it lies in: that is where a reserved field, or one of a feature that we lack, begins.
std::optional<FieldPointer> unused_bit(const CdbBytes& bytes, const CdbRow& row) {
  for (std::uint16_t i = 1; i < row.length; ++i) {
    const unsigned unused = static_cast<std::uint8_t>(~row.usage[i]);
    const unsigned wrong = bytes[i] & unused;
    if (wrong == 0) continue;
    std::uint8_t bit = 7;
    while ((wrong >> bit) == 0) --bit;
    while (bit < 7 && ((unused >> (bit + 1)) & 1) != 0) ++bit;
    return FieldPointer{i, bit};
  }
  return std::nullopt;
}

}  // namespace

const CdbRow* find_row(const CdbBytes& bytes) {
  static const std::array<const CdbRow*, 256> index = index_rows();
  const CdbRow* row = index[bytes[0]];
  if (row == nullptr || !row->service_action) return row;
  const CdbRow* const end = cdb_table().data() + cdb_table().size();
  while (row != end && row->opcode() == bytes[0]) {
    if (row->service_action == service_action_of(bytes)) return row;
    ++row;
  }
  return nullptr;
}

Cdb decode_cdb(const CdbBytes& bytes, const CommandSet& commands, std::size_t sent) {
  const bool is_long = bytes[0] == opcode::variable_length;
  const CdbRow* const row = find_row(bytes);
  if (row == nullptr || !row->is_in(commands)) {
    const std::span<const CdbRow> table = cdb_table();
    const bool knows_code = std::any_of(table.begin(), table.end(), [&](const CdbRow& candidate) {
      return candidate.opcode() == bytes[0] && candidate.is_in(commands);
    });
    if (knows_code) return Refused{is_long ? invalid_field_in_cdb(8) : invalid_field_in_cdb(1, 4)};
    return Refused{
        illegal_request(additional_sense::invalid_command_operation_code, FieldPointer{0, 7})};
  }
  // ADDITIONAL CDB LENGTH: the command's own, and what really came (SPC-4 4.2.3).
  const std::size_t said = variable_header_bytes + bytes[7];
  if (is_long && (said != row->length || said != sent)) return Refused{invalid_field_in_cdb(7, 7)};
  if (const std::optional<FieldPointer> wrong = unused_bit(bytes, *row))
    return Refused{illegal_request(additional_sense::invalid_field_in_cdb, wrong)};
  return row->decode(bytes);
}

}  // namespace holdfast::scsi
