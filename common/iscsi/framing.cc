#include "common/iscsi/framing.h"

#include <array>
#include <cstring>

#include "common/base/units.h"

namespace holdfast::iscsi {
namespace {

struct OpcodeRow {
  Opcode opcode;
  std::string_view name;
  Side from;
  bool has_data;
  bool has_ahs;
};

constexpr std::array opcode_rows{
    OpcodeRow{Opcode::nop_out, "NOP-Out", Side::initiator, true, false},
    OpcodeRow{Opcode::scsi_command, "SCSI Command", Side::initiator, true, true},
    OpcodeRow{Opcode::task_management_request, "Task Management Function Request", Side::initiator,
              false, false},
    OpcodeRow{Opcode::login_request, "Login Request", Side::initiator, true, false},
    OpcodeRow{Opcode::text_request, "Text Request", Side::initiator, true, false},
    OpcodeRow{Opcode::data_out, "SCSI Data-Out", Side::initiator, true, false},
    OpcodeRow{Opcode::logout_request, "Logout Request", Side::initiator, false, false},
    OpcodeRow{Opcode::snack_request, "SNACK Request", Side::initiator, false, false},
    OpcodeRow{Opcode::nop_in, "NOP-In", Side::target, true, false},
    OpcodeRow{Opcode::scsi_response, "SCSI Response", Side::target, true, false},
    OpcodeRow{Opcode::task_management_response, "Task Management Function Response", Side::target,
              false, false},
    OpcodeRow{Opcode::login_response, "Login Response", Side::target, true, false},
    OpcodeRow{Opcode::text_response, "Text Response", Side::target, true, false},
    OpcodeRow{Opcode::data_in, "SCSI Data-In", Side::target, true, false},
    OpcodeRow{Opcode::logout_response, "Logout Response", Side::target, false, false},
    OpcodeRow{Opcode::r2t, "Ready To Transfer", Side::target, false, false},
    OpcodeRow{Opcode::async_message, "Asynchronous Message", Side::target, true, false},
    OpcodeRow{Opcode::reject, "Reject", Side::target, true, false},
};

const OpcodeRow* find_row(Opcode opcode) {
  for (const OpcodeRow& row : opcode_rows)
    if (row.opcode == opcode) return &row;
  return nullptr;
}

std::optional<PduFault> parse_one_ahs(AhsType type, std::span<const std::byte> content,
                                      AhsContents& contents) {
  switch (type) {
    case AhsType::extended_cdb:
      if (!contents.extended_cdb.empty())
        return PduFault{RejectReason::protocol_error, "two extended CDBs"};
      if (content.empty())
        return PduFault{RejectReason::invalid_pdu_field, "an extended CDB of no bytes"};
      contents.extended_cdb = content;
      return std::nullopt;
    case AhsType::bidirectional_read_length: {
      if (contents.bidirectional_read_length)
        return PduFault{RejectReason::protocol_error, "two bidirectional read lengths"};
      be32 length;
      if (content.size() != sizeof length)
        return PduFault{RejectReason::invalid_pdu_field,
                        "a bidirectional read length that is not four bytes long"};
      std::memcpy(&length, content.data(), sizeof length);
      contents.bidirectional_read_length = length.value();
      return std::nullopt;
    }
  }
  return PduFault{RejectReason::invalid_pdu_field, "an AHS of an unknown type"};
}

}  // namespace

std::optional<PduFault> check_header(const GenericBhs& header, Side from,
                                     std::uint32_t data_segment_bytes_max) {
  const OpcodeRow* row = find_row(header.opcode.opcode());
  if (row == nullptr) return PduFault{RejectReason::command_not_supported, "an unknown opcode"};
  if (row->from != from)
    return PduFault{RejectReason::protocol_error, "an opcode that only the other side sends"};
  if (header.ahs_words != 0 && !row->has_ahs)
    return PduFault{RejectReason::invalid_pdu_field, "an AHS where none may be"};
  if (header.data_segment_bytes != 0 && !row->has_data)
    return PduFault{RejectReason::invalid_pdu_field, "a data segment where none may be"};
  if (header.data_segment_bytes > data_segment_bytes_max)
    return PduFault{RejectReason::protocol_error,
                    "a data segment longer than MaxRecvDataSegmentLength"};
  return std::nullopt;
}

std::string_view name_of(Opcode opcode) {
  const OpcodeRow* row = find_row(opcode);
  return row == nullptr ? "unknown PDU" : row->name;
}

std::optional<PduFault> parse_ahs(std::span<const std::byte> bytes, AhsContents& contents) {
  constexpr std::size_t before_reserved = offsetof(AhsHeader, reserved);
  while (!bytes.empty()) {
    AhsHeader header;
    if (bytes.size() < sizeof header)
      return PduFault{RejectReason::invalid_pdu_field, "an AHS cut short"};
    std::memcpy(static_cast<void*>(&header), bytes.data(), sizeof header);
    const std::size_t whole = before_reserved + header.bytes;
    if (header.bytes == 0 || whole > bytes.size())
      return PduFault{RejectReason::invalid_pdu_field, "an AHS of a wrong length"};
    const std::span<const std::byte> content = bytes.subspan(sizeof header, whole - sizeof header);
    if (std::optional<PduFault> fault = parse_one_ahs(header.type, content, contents)) return fault;
    const std::size_t padded = round_up(whole, 4);
    if (padded > bytes.size())
      return PduFault{RejectReason::invalid_pdu_field, "an AHS without its padding"};
    bytes = bytes.subspan(padded);
  }
  return std::nullopt;
}

}  // namespace holdfast::iscsi
